package interop;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One JSON object in, one out. The question is made by the tests beside pom.xml. */
final class Talk {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Talk() {}

    /** All of standard input. */
    static JsonNode asked() throws IOException {
        return JSON.readTree(System.in);
    }

    /** The first line of standard input; the rest is for another to read. */
    static JsonNode askedInALine() throws IOException {
        var line = new StringBuilder();
        for (int read = System.in.read(); read != '\n' && read != -1; read = System.in.read()) {
            line.append((char) read);
        }
        return JSON.readTree(line.toString());
    }

    static void tell(Object answer) {
        System.out.println(JSON.writeValueAsString(answer));
    }

    /** What the act gives, or why it failed, with all causes. */
    static Object outcome(Callable<?> act) {
        try {
            return act.call();
        } catch (Exception error) {
            var why = new StringBuilder(error.toString());
            for (var cause = error.getCause(); cause != null; cause = cause.getCause()) {
                why.append(" <- ").append(cause);
            }
            return Map.of("failed", why.toString());
        }
    }
}

package interop;

import java.nio.file.Path;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.JsonNode;

/** TLS in which the client shows its certificate. */
final class Certificate {
    private Certificate() {}

    static SSLContext shown(JsonNode pkcs12) throws Exception {
        var password = pkcs12.get("password").asString().toCharArray();
        var store = KeyStore.getInstance(Path.of(pkcs12.get("file").asString()).toFile(), password);
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }
}

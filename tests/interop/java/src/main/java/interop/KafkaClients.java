package interop;

import java.util.LinkedHashMap;
import java.util.Map;
import javax.security.auth.callback.Callback;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.security.JaasContext;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import tools.jackson.databind.JsonNode;

/** The login of a Kafka client with each set of properties that is asked for: the token that it would show a broker. */
public final class KafkaClients {
    private KafkaClients() {}

    public static void main(String[] words) throws Exception {
        var told = new LinkedHashMap<String, Object>();
        for (var client : Talk.asked().get("clients")) {
            told.put(client.get("name").asString(), Talk.outcome(() -> token(client.get("properties"))));
        }
        Talk.tell(told);
    }

    private static Map<String, Object> token(JsonNode asked) throws Exception {
        var properties = new LinkedHashMap<String, Object>(Map.of("bootstrap.servers", "127.0.0.1:9092"));
        asked.properties().forEach(property -> properties.put(property.getKey(), property.getValue().asString()));
        var config = new AdminClientConfig(properties).values();
        var handler = new OAuthBearerLoginCallbackHandler();
        handler.configure(
                config,
                OAuthBearerLoginModule.OAUTHBEARER_MECHANISM,
                JaasContext.loadClientContext(config).configurationEntries());
        var callback = new OAuthBearerTokenCallback();
        try {
            handler.handle(new Callback[] {callback});
        } finally {
            handler.close();
        }
        if (callback.token() == null) {
            throw new IllegalStateException(callback.errorCode() + ": " + callback.errorDescription());
        }
        var token = callback.token();
        return Map.of("access_token", token.value(), "principal", token.principalName(), "scope", token.scope());
    }
}

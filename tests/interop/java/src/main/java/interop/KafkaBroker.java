package interop;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.internals.BrokerSecurityConfigs;
import org.apache.kafka.common.security.auth.SaslExtensions;
import org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.internals.OAuthBearerClientInitialResponse;
import org.apache.kafka.common.security.oauthbearer.internals.OAuthBearerSaslServer;
import tools.jackson.databind.JsonNode;

/** The side of SASL OAUTHBEARER of each broker that is asked for: whom each token makes the client, or why it is refused. */
public final class KafkaBroker {
    private static final String MECHANISM = OAuthBearerLoginModule.OAUTHBEARER_MECHANISM;
    private static final List<AppConfigurationEntry> JAAS = List.of(new AppConfigurationEntry(
            OAuthBearerLoginModule.class.getName(),
            AppConfigurationEntry.LoginModuleControlFlag.REQUIRED,
            Map.of("unsecuredLoginStringClaim_sub", "broker")));

    private KafkaBroker() {}

    public static void main(String[] words) {
        // The validator leaves a thread behind that would keep Java from ending.
        try {
            var told = new LinkedHashMap<String, Object>();
            for (var broker : Talk.asked().get("brokers")) {
                told.put(broker.get("name").asString(), verdicts(broker));
            }
            Talk.tell(told);
            System.exit(0);
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    private static Map<String, Object> verdicts(JsonNode broker) throws Exception {
        var properties = new LinkedHashMap<String, Object>();
        broker.get("properties").properties()
                .forEach(property -> properties.put(property.getKey(), property.getValue().asString()));
        var config = new AbstractConfig(BrokerSecurityConfigs.CONFIG_DEF, properties, false).values();
        var handler = new OAuthBearerValidatorCallbackHandler();
        handler.configure(config, MECHANISM, JAAS);
        var validator = new BrokerJwtValidator();
        validator.configure(config, MECHANISM, JAAS);
        var verdicts = new LinkedHashMap<String, Object>();
        for (var token : broker.get("tokens").properties()) {
            verdicts.put(token.getKey(), verdict(token.getValue().asString(), handler, validator));
        }
        return verdicts;
    }

    private static Object verdict(
            String token, OAuthBearerValidatorCallbackHandler handler, BrokerJwtValidator validator) throws Exception {
        var server = new OAuthBearerSaslServer(handler);
        var answer = server.evaluateResponse(
                new OAuthBearerClientInitialResponse(token, SaslExtensions.empty()).toBytes());
        if (server.isComplete()) {
            return Map.of("principal", server.getAuthorizationID());
        }
        // The broker tells the client no more than the status; its validator tells the reason.
        return Map.of(
                "answer", new String(answer, StandardCharsets.UTF_8),
                "reason", Talk.outcome(() -> validator.validate(token)));
    }
}

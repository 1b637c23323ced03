package interop;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Tells the claims of each token, or why it is refused: by the default processor, and by one that takes at+jwt. */
public final class NimbusVerifier {
    private NimbusVerifier() {}

    public static void main(String[] words) throws Exception {
        var asked = Talk.asked();
        var issuer = asked.get("issuer").asString();
        var audience = asked.get("audience").asString();
        var told = new LinkedHashMap<String, Object>();
        told.put("by default", verdicts(asked, verifier(issuer, audience, JWSAlgorithm.RS256)));
        told.put("at+jwt", verdicts(asked, takingAtJwt(issuer, audience, JWSAlgorithm.RS256)));
        told.put("signed", signed(asked.get("signed"), audience));
        Talk.tell(told);
    }

    private static DefaultJWTProcessor<SecurityContext> takingAtJwt(String issuer, String audience, JWSAlgorithm alg)
            throws Exception {
        var verifier = verifier(issuer, audience, alg);
        verifier.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
        return verifier;
    }

    private static DefaultJWTProcessor<SecurityContext> verifier(String issuer, String audience, JWSAlgorithm alg)
            throws Exception {
        var keys = JWKSourceBuilder.create(URI.create(issuer + "/jwks").toURL()).build();
        var expected = new JWTClaimsSet.Builder().issuer(issuer).build();
        var required = Set.of("sub", "iat", "exp", "jti", "client_id");
        var verifier = new DefaultJWTProcessor<SecurityContext>();
        verifier.setJWSKeySelector(new JWSVerificationKeySelector<>(alg, keys));
        verifier.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(audience, expected, required));
        return verifier;
    }

    private static Object signed(JsonNode tokens, String audience) {
        var verdicts = new LinkedHashMap<String, Object>();
        for (var token : tokens) {
            var alg = JWSAlgorithm.parse(token.get("alg").asString());
            verdicts.put(
                    alg.getName(),
                    Talk.outcome(() -> takingAtJwt(token.get("issuer").asString(), audience, alg)
                            .process(token.get("token").asString(), null)
                            .toJSONObject()));
        }
        return verdicts;
    }

    private static Object verdicts(JsonNode asked, DefaultJWTProcessor<SecurityContext> verifier) {
        var verdicts = new LinkedHashMap<String, Object>();
        for (var token : asked.get("tokens").properties()) {
            verdicts.put(
                    token.getKey(),
                    Talk.outcome(() -> verifier.process(token.getValue().asString(), null).toJSONObject()));
        }
        return verdicts;
    }
}

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
import java.net.URL;
import java.util.LinkedHashMap;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Tells the claims of each token, or why it is refused: by the default processor, and by one that takes at+jwt. */
public final class NimbusVerifier {
    private NimbusVerifier() {}

    public static void main(String[] words) throws Exception {
        var asked = Talk.asked();
        var atJwt = verifier(asked);
        atJwt.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
        var told = new LinkedHashMap<String, Object>();
        told.put("by default", verdicts(asked, verifier(asked)));
        told.put("at+jwt", verdicts(asked, atJwt));
        Talk.tell(told);
    }

    private static DefaultJWTProcessor<SecurityContext> verifier(JsonNode asked) throws Exception {
        URL keys = URI.create(asked.get("issuer").asString() + "/jwks").toURL();
        var expected = new JWTClaimsSet.Builder().issuer(asked.get("issuer").asString()).build();
        var required = Set.of("sub", "iat", "exp", "jti", "client_id");
        var verifier = new DefaultJWTProcessor<SecurityContext>();
        verifier.setJWSKeySelector(
                new JWSVerificationKeySelector<>(JWSAlgorithm.RS256, JWKSourceBuilder.create(keys).build()));
        verifier.setJWTClaimsSetVerifier(
                new DefaultJWTClaimsVerifier<>(asked.get("audience").asString(), expected, required));
        return verifier;
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

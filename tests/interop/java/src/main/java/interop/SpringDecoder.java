package interop;

import java.util.LinkedHashMap;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** The claims of each token, decoded with what its issuer publishes, or why it is refused. */
public final class SpringDecoder {
    private SpringDecoder() {}

    public static void main(String[] words) throws Exception {
        var asked = Talk.asked();
        var audience = asked.get("audience").asString();
        var told = new LinkedHashMap<String, Object>();
        for (var signed : asked.get("signed")) {
            told.put(
                    signed.get("alg").asString(),
                    Talk.outcome(() -> takingAtJwt(signed.get("issuer").asString(), audience)
                            .decode(signed.get("token").asString())
                            .getClaims()));
        }
        Talk.tell(told);
    }

    static JwtDecoder takingAtJwt(String issuer, String audience) {
        var decoder = NimbusJwtDecoder.withIssuerLocation(issuer).build();
        decoder.setJwtValidator(
                JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).build());
        return decoder;
    }
}

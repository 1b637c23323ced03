package interop;

import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Profile;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Resource servers of Spring Boot: two configured by properties alone, and one that takes at+jwt.
 * Writes their URLs, and serves until it is killed.
 */
public final class SpringService {
    private static final String AT_JWT = "at-jwt";
    private static final String ISSUER = "spring.security.oauth2.resourceserver.jwt.issuer-uri";
    private static final String AUDIENCES = "spring.security.oauth2.resourceserver.jwt.audiences";

    private SpringService() {}

    public static void main(String[] words) throws Exception {
        var asked = Talk.askedInALine();
        var issuer = asked.get("issuer").asString();
        var audience = asked.get("audience").asString();
        var urls = new LinkedHashMap<String, String>();
        urls.put("by properties", started("default", Map.of(ISSUER, issuer, AUDIENCES, audience)));
        urls.put("without audience", started("default", Map.of(ISSUER, issuer)));
        urls.put("at+jwt", started(AT_JWT, Map.of(ISSUER, issuer, AUDIENCES, audience)));
        Talk.tell(urls);
    }

    private static String started(String profile, Map<String, Object> properties) {
        var context = new SpringApplicationBuilder(Application.class)
                .profiles(profile)
                .properties(Map.of("server.address", "127.0.0.1", "server.port", "0", "spring.main.banner-mode", "off"))
                .properties(properties)
                .run();
        return "http://127.0.0.1:" + context.getEnvironment().getProperty("local.server.port");
    }

    /** Boot's own security: every request needs a good token. */
    @SpringBootApplication
    @EnableMethodSecurity
    @RestController
    static class Application {
        @GetMapping("/read")
        @PreAuthorize("hasAuthority('SCOPE_invoices.read')")
        Map<String, Object> read(@AuthenticationPrincipal Jwt jwt) {
            return jwt.getClaims();
        }

        @GetMapping("/write")
        @PreAuthorize("hasAuthority('SCOPE_invoices.write')")
        Map<String, Object> write(@AuthenticationPrincipal Jwt jwt) {
            return jwt.getClaims();
        }

        @Bean
        @Profile(AT_JWT)
        JwtDecoder decoder(
                @Value("${" + ISSUER + "}") String issuer, @Value("${" + AUDIENCES + "}") String audience) {
            return SpringDecoder.takingAtJwt(issuer, audience);
        }
    }
}

package interop;

import com.nimbusds.jose.jwk.JWK;
import java.net.http.HttpClient;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.InMemoryOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.endpoint.NimbusJwtClientAuthenticationParametersConverter;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.core.http.converter.OAuth2AccessTokenResponseHttpMessageConverter;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.web.client.RestClient;
import tools.jackson.databind.JsonNode;

/** A service of Spring Security for each client that is asked for: gets a token as services do, by the manager. */
public final class SpringClients {
    private final JsonNode asked;

    private SpringClients(JsonNode asked) {
        this.asked = asked;
    }

    public static void main(String[] words) throws Exception {
        var asked = Talk.asked();
        var clients = new SpringClients(asked);
        var told = new LinkedHashMap<String, Object>();
        for (var client : asked.get("clients")) {
            told.put(client.get("name").asString(), Talk.outcome(() -> clients.token(client)));
        }
        Talk.tell(told);
    }

    private Map<String, Object> token(JsonNode client) throws Exception {
        var responses = new RestClientClientCredentialsTokenResponseClient();
        var registration = ClientRegistrations.fromIssuerLocation(client.get("issuer").asString())
                .registrationId("service")
                .clientId(client.get("id").asString())
                .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
                .scope(asked.get("scope").asString());
        authentication(client, registration, responses);
        var registrations = new InMemoryClientRegistrationRepository(registration.build());
        var manager = new AuthorizedClientServiceOAuth2AuthorizedClientManager(
                registrations, new InMemoryOAuth2AuthorizedClientService(registrations));
        manager.setAuthorizedClientProvider(OAuth2AuthorizedClientProviderBuilder.builder()
                .clientCredentials(by -> by.accessTokenResponseClient(responses))
                .build());
        var request = OAuth2AuthorizeRequest.withClientRegistrationId("service").principal("service").build();
        var token = manager.authorize(request).getAccessToken();
        return Map.of("access_token", token.getTokenValue(), "token_type", token.getTokenType().getValue());
    }

    private void authentication(
            JsonNode client,
            ClientRegistration.Builder registration,
            RestClientClientCredentialsTokenResponseClient responses)
            throws Exception {
        switch (client.get("method").asString()) {
            case "client_secret_basic" -> registration.clientSecret(client.get("secret").asString());
            case "client_secret_post" -> registration
                    .clientAuthenticationMethod(ClientAuthenticationMethod.CLIENT_SECRET_POST)
                    .clientSecret(client.get("secret").asString());
            case "private_key_jwt" -> {
                registration.clientAuthenticationMethod(ClientAuthenticationMethod.PRIVATE_KEY_JWT);
                responses.addParametersConverter(assertions(client));
            }
            case "tls_client_auth" -> {
                registration.clientAuthenticationMethod(ClientAuthenticationMethod.NONE);
                responses.setRestClient(withCertificate());
            }
            case "federated_jwt" -> {
                registration.clientAuthenticationMethod(ClientAuthenticationMethod.NONE);
                responses.addParametersConverter(request -> federated(client));
            }
            default -> throw new IllegalArgumentException(client.toString());
        }
    }

    private NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest> assertions(
            JsonNode client) throws Exception {
        var key = JWK.parse(client.get("key").toString());
        var assertions = new NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest>(
                registration -> key);
        if (client.has("audience")) {
            assertions.setJwtClientAssertionCustomizer(assertion -> assertion.getClaims()
                    .audience(List.of(client.get("audience").asString())));
        }
        return assertions;
    }

    private static LinkedMultiValueMap<String, String> federated(JsonNode client) {
        var parameters = new LinkedMultiValueMap<String, String>();
        parameters.add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        parameters.add("client_assertion", client.get("assertion").asString());
        return parameters;
    }

    private RestClient withCertificate() throws Exception {
        var http = HttpClient.newBuilder().sslContext(Certificate.shown(asked.get("pkcs12"))).build();
        return RestClient.builder()
                .requestFactory(new JdkClientHttpRequestFactory(http))
                .configureMessageConverters(converters -> converters
                        .addCustomConverter(new FormHttpMessageConverter())
                        .addCustomConverter(new OAuth2AccessTokenResponseHttpMessageConverter()))
                .build();
    }
}

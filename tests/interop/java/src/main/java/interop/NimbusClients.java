package interop;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.AsymmetricJWK;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetKeyPairGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.as.ReadOnlyAuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.JWTAuthenticationClaimsSet;
import com.nimbusds.oauth2.sdk.auth.PKITLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.dpop.DefaultDPoPProofFactory;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** A service of the Nimbus OAuth SDK for each client that is asked for: finds the endpoint and gets a token. */
public final class NimbusClients {
    private final JsonNode asked;

    private NimbusClients(JsonNode asked) {
        this.asked = asked;
    }

    public static void main(String[] words) throws Exception {
        var asked = Talk.asked();
        var clients = new NimbusClients(asked);
        var told = new LinkedHashMap<String, Object>();
        for (var client : asked.get("clients")) {
            told.put(client.get("name").asString(), Talk.outcome(() -> clients.token(client)));
        }
        told.put("supported", PrivateKeyJWT.supportedJWAs().stream().map(JWSAlgorithm::getName).toList());
        Talk.tell(told);
    }

    private Map<String, Object> token(JsonNode client) throws Exception {
        var server = discovered(client);
        var endpoint = server.getTokenEndpointURI();
        var scope = Scope.parse(asked.get("scope").asString());
        var request = new TokenRequest.Builder(endpoint, authentication(client, server), new ClientCredentialsGrant())
                .scope(scope)
                .build()
                .toHTTPRequest();
        if (client.has("dpop")) {
            var alg = client.get("dpop").asString();
            var proofs = new DefaultDPoPProofFactory(newKey(alg), JWSAlgorithm.parse(alg));
            request.setDPoP(proofs.createDPoPJWT(request.getMethod().name(), endpoint));
        }
        var response = TokenResponse.parse(request.send());
        if (!response.indicatesSuccess()) {
            throw new IllegalStateException(response.toErrorResponse().getErrorObject().toString());
        }
        var token = response.toSuccessResponse().getTokens().getAccessToken();
        return Map.of("access_token", token.getValue(), "token_type", token.getType().getValue());
    }

    private static ReadOnlyAuthorizationServerMetadata discovered(JsonNode client) throws Exception {
        var issuer = new Issuer(client.get("issuer").asString());
        return client.has("rfc8414") ? AuthorizationServerMetadata.resolve(issuer) : OIDCProviderMetadata.resolve(issuer);
    }

    private ClientAuthentication authentication(JsonNode client, ReadOnlyAuthorizationServerMetadata server)
            throws Exception {
        var id = new ClientID(client.get("id").asString());
        return switch (client.get("method").asString()) {
            case "client_secret_basic" -> new ClientSecretBasic(id, new Secret(client.get("secret").asString()));
            case "client_secret_post" -> new ClientSecretPost(id, new Secret(client.get("secret").asString()));
            case "private_key_jwt" -> assertion(client, id, server);
            case "tls_client_auth" -> new PKITLSClientAuthentication(
                    id, Certificate.shown(asked.get("pkcs12")).getSocketFactory());
            default -> throw new IllegalArgumentException(client.toString());
        };
    }

    private static PrivateKeyJWT assertion(JsonNode client, ClientID id, ReadOnlyAuthorizationServerMetadata server)
            throws Exception {
        var key = JWK.parse(client.get("key").toString());
        var alg = JWSAlgorithm.parse(key.getAlgorithm().getName());
        var signer = ((AsymmetricJWK) key).toPrivateKey();
        if (client.has("audience")) {
            var claims = new JWTAuthenticationClaimsSet(id, new Audience(client.get("audience").asString()));
            return new PrivateKeyJWT(claims, alg, signer, null, null);
        }
        return new PrivateKeyJWT(id, server.getTokenEndpointURI(), alg, signer, null, null);
    }

    private static JWK newKey(String alg) throws Exception {
        return switch (alg) {
            case "ES256" -> new ECKeyGenerator(Curve.P_256).generate();
            case "Ed25519" -> new OctetKeyPairGenerator(Curve.Ed25519).generate();
            default -> new RSAKeyGenerator(2048).generate();
        };
    }
}

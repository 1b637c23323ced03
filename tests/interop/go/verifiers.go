package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

const clockBehind = 30 * time.Second

// verify gives the client id and the scope of a token, on a clock that is so far behind.
type verify func(token string, behind time.Duration) (clientID, scope any, err error)

// maker makes a verifier of the tokens of one issuer, which signs with one algorithm.
type maker func(ctx context.Context, issuer signed, audience string) (verify, error)

func verifiers(asked question) answers {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	told := answers{}
	for name, of := range map[string]maker{
		"go-oidc":           byGoOidc,
		"golang-jwt":        byGolangJwt,
		"jwx":               byJwx(),
		"jwx, with skew":    byJwx(jwx.WithAcceptableSkew(time.Minute)),
		"go-jwt-middleware": byMiddleware,
	} {
		told[name] = verdicts(ctx, asked, of)
	}
	return told
}

func verdicts(ctx context.Context, asked question, of maker) answers {
	by, err := of(ctx, signed{Alg: "RS256", Issuer: asked.Issuer, Jwks: asked.Jwks}, asked.Audience)
	if err != nil {
		return failed(err)
	}
	told := answers{"good on a clock behind": verdict(by(asked.Tokens["good"], clockBehind))}
	for name, token := range asked.Tokens {
		told[name] = verdict(by(token, 0))
	}
	for _, other := range asked.Signed {
		told[other.Alg] = verdictOn(ctx, other, asked.Audience, of)
	}
	return told
}

func verdictOn(ctx context.Context, other signed, audience string, of maker) answers {
	by, err := of(ctx, other, audience)
	if err != nil {
		return failed(err)
	}
	return verdict(by(other.Token, 0))
}

func verdict(clientID, scope any, err error) answers {
	if err != nil {
		return failed(err)
	}
	return answers{"client_id": clientID, "scope": scope}
}

// byGoOidc reads discovery. Its verifier is for ID tokens: the `ClientID` is the audience.
func byGoOidc(ctx context.Context, issuer signed, audience string) (verify, error) {
	provider, err := oidc.NewProvider(ctx, issuer.Issuer)
	if err != nil {
		return nil, err
	}
	return func(token string, behind time.Duration) (any, any, error) {
		verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience, Now: clock(behind)})
		verified, err := verifier.Verify(ctx, token)
		if err != nil {
			return nil, nil, err
		}
		var own claims
		err = verified.Claims(&own)
		return own.ClientID, own.Scope, err
	}, nil
}

func byGolangJwt(ctx context.Context, issuer signed, audience string) (verify, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer.Jwks})
	if err != nil {
		return nil, err
	}
	return func(token string, behind time.Duration) (any, any, error) {
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(
			token,
			claims,
			keys.Keyfunc,
			jwt.WithValidMethods([]string{issuer.Alg}),
			jwt.WithIssuer(issuer.Issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithTimeFunc(clock(behind)),
		)
		return claims["client_id"], claims["scope"], err
	}, nil
}

func byJwx(options ...jwx.ParseOption) maker {
	return func(ctx context.Context, issuer signed, audience string) (verify, error) {
		keys, err := cached(ctx, issuer.Jwks)
		if err != nil {
			return nil, err
		}
		return func(token string, behind time.Duration) (any, any, error) {
			verified, err := jwx.Parse([]byte(token), append([]jwx.ParseOption{
				jwx.WithKeySet(keys),
				jwx.WithIssuer(issuer.Issuer),
				jwx.WithAudience(audience),
				jwx.WithRequiredClaim("exp"),
				jwx.WithClock(jwx.ClockFunc(clock(behind))),
			}, options...)...)
			if err != nil {
				return nil, nil, err
			}
			var clientID, scope string
			err = errors.Join(verified.Get("client_id", &clientID), verified.Get("scope", &scope))
			return clientID, scope, err
		}, nil
	}
}

func cached(ctx context.Context, url string) (jwk.Set, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, url); err != nil {
		return nil, err
	}
	return cache.CachedSet(url)
}

type claims struct {
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func (claims) Validate(context.Context) error {
	return nil
}

// byMiddleware reads discovery.
func byMiddleware(_ context.Context, issuer signed, audience string) (verify, error) {
	base, err := url.Parse(issuer.Issuer)
	if err != nil {
		return nil, err
	}
	keys := jwks.NewCachingProvider(base, 5*time.Minute)
	return func(token string, behind time.Duration) (any, any, error) {
		checks, err := validator.New(
			keys.KeyFunc,
			validator.SignatureAlgorithm(issuer.Alg),
			issuer.Issuer,
			[]string{audience},
			validator.WithCustomClaims(func() validator.CustomClaims { return &claims{} }),
			// It has no clock to set: less than no skew is one that is behind.
			validator.WithAllowedClockSkew(-behind),
		)
		if err != nil {
			return nil, nil, err
		}
		verified, err := checks.ValidateToken(context.Background(), token)
		if err != nil {
			return nil, nil, err
		}
		own := verified.(*validator.ValidatedClaims).CustomClaims.(*claims)
		return own.ClientID, own.Scope, nil
	}, nil
}

func clock(behind time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(-behind) }
}

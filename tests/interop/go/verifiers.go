package main

import (
	"context"
	"errors"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwx "github.com/lestrrat-go/jwx/v3/jwt"
)

const clockBehind = 30 * time.Second

// verify gives the client id and the scope of a token, on a clock that is so far behind.
type verify func(token string, behind time.Duration) (clientID, scope any, err error)

func verifiers(asked question) answers {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	told := answers{}
	for name, make := range map[string]func(context.Context, question) (verify, error){
		"go-oidc":        byGoOidc,
		"golang-jwt":     byGolangJwt,
		"jwx":            byJwx(),
		"jwx, with skew": byJwx(jwx.WithAcceptableSkew(time.Minute)),
	} {
		by, err := make(ctx, asked)
		if err != nil {
			told[name] = failed(err)
			continue
		}
		told[name] = verdicts(by, asked.Tokens)
	}
	return told
}

func verdicts(by verify, tokens map[string]string) answers {
	told := answers{"good on a clock behind": verdict(by(tokens["good"], clockBehind))}
	for name, token := range tokens {
		told[name] = verdict(by(token, 0))
	}
	return told
}

func verdict(clientID, scope any, err error) answers {
	if err != nil {
		return failed(err)
	}
	return answers{"client_id": clientID, "scope": scope}
}

// byGoOidc reads discovery. Its verifier is for ID tokens: the `ClientID` is the audience.
func byGoOidc(ctx context.Context, asked question) (verify, error) {
	provider, err := oidc.NewProvider(ctx, asked.Issuer)
	if err != nil {
		return nil, err
	}
	return func(token string, behind time.Duration) (any, any, error) {
		verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: asked.Audience, Now: clock(behind)})
		verified, err := verifier.Verify(ctx, token)
		if err != nil {
			return nil, nil, err
		}
		var claims struct {
			ClientID string `json:"client_id"`
			Scope    string
		}
		err = verified.Claims(&claims)
		return claims.ClientID, claims.Scope, err
	}, nil
}

func byGolangJwt(ctx context.Context, asked question) (verify, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{asked.Jwks})
	if err != nil {
		return nil, err
	}
	return func(token string, behind time.Duration) (any, any, error) {
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(
			token,
			claims,
			keys.Keyfunc,
			jwt.WithValidMethods([]string{"RS256"}),
			jwt.WithIssuer(asked.Issuer),
			jwt.WithAudience(asked.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithTimeFunc(clock(behind)),
		)
		return claims["client_id"], claims["scope"], err
	}, nil
}

func byJwx(options ...jwx.ParseOption) func(context.Context, question) (verify, error) {
	return func(ctx context.Context, asked question) (verify, error) {
		keys, err := cached(ctx, asked.Jwks)
		if err != nil {
			return nil, err
		}
		return func(token string, behind time.Duration) (any, any, error) {
			verified, err := jwx.Parse([]byte(token), append([]jwx.ParseOption{
				jwx.WithKeySet(keys),
				jwx.WithIssuer(asked.Issuer),
				jwx.WithAudience(asked.Audience),
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

func clock(behind time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(-behind) }
}

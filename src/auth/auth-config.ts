/** Who is let in, and how that is checked. */
export type AuthConfig =
  | { readonly kind: "none" }
  | { readonly kind: "api-keys"; readonly file: string }
  | ({ readonly kind: "jwt" } & JwtConfig);

/** Which tokens are accepted. */
export type JwtConfig = {
  readonly keys:
    | { readonly jwksUrl: string }
    | { /** PEM, or a JWK or JWK set. */ readonly publicKeyFile: string };
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
};

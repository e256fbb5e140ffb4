import assert from "node:assert/strict";
import { test } from "node:test";
import { authorize, candidatesOf, challengeOf, codeOf, exchange, isCallback, settingsOf, SignInError, type OidcSettings } from "../src/oidc.js";

const SETTINGS: OidcSettings = {
  client_id: "page",
  authorization_endpoint: "https://issuer.example/authorize?tenant=a",
  token_endpoint: "https://issuer.example/token",
  scope: "openid profile",
};
const PAGE = "https://doorbell.example/stage/";
const PENDING = { state: "state-1", verifier: "verifier-1", hash: "#/" };

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;

const query = (text: string): URLSearchParams => new URLSearchParams(text);

test("challenge is the one of RFC 7636, appendix B", async () => {
  assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("authorization request has PKCE and keeps the endpoint's query", async () => {
  const { url, pending } = await authorize(SETTINGS, PAGE, "#/");
  const parameters = Object.fromEntries(new URL(url).searchParams);
  assert.deepEqual(parameters, {
    tenant: "a",
    response_type: "code",
    client_id: "page",
    redirect_uri: PAGE,
    scope: "openid profile",
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: "S256",
  });
  assert.equal(pending.hash, "#/");
  assert.match(pending.verifier, /^[\w-]{43}$/);
});

test("state and verifier differ each time", async () => {
  const [first, second] = [await authorize(SETTINGS, PAGE, "#/"), await authorize(SETTINGS, PAGE, "#/")];
  assert.equal(new Set([first, second].flatMap(({ pending }) => [pending.state, pending.verifier])).size, 4);
});

test("recognizes the issuer's redirect", () => {
  assert.ok(isCallback(query("code=a&state=b")));
  assert.ok(isCallback(query("error=a&state=b")));
  assert.ok(!isCallback(query("code=a")));
  assert.ok(!isCallback(query("")));
});

test("takes the code of its own sign-in only", () => {
  assert.equal(codeOf(query("code=a&state=state-1"), PENDING), "a");
  assert.throws(() => codeOf(query("code=a&state=other"), PENDING), SignInError);
  assert.throws(() => codeOf(query("code=a&state=state-1"), undefined), SignInError);
});

test("refusal has the reason of the issuer", () => {
  assert.throws(() => codeOf(query("error=access_denied&error_description=Not+you&state=state-1"), PENDING), /refused: Not you/);
  assert.throws(() => codeOf(query("error=access_denied&state=state-1"), PENDING), /refused: access_denied/);
});

test("exchange sends the verifier and no secret", async () => {
  let sent: [string, RequestInit] | undefined;
  const fetcher = (async (url: string, init: RequestInit) => {
    sent = [url, init];
    return Response.json({ access_token: jwt({ aud: "api", exp: 2_000_000_000 }) });
  }) as typeof fetch;
  const found = await exchange(SETTINGS, "code-1", "verifier-1", PAGE, fetcher);
  assert.equal(sent?.[0], SETTINGS.token_endpoint);
  assert.deepEqual(Object.fromEntries(sent?.[1].body as URLSearchParams), {
    grant_type: "authorization_code",
    client_id: "page",
    redirect_uri: PAGE,
    code: "code-1",
    code_verifier: "verifier-1",
  });
  assert.deepEqual(found.map(({ expiresAt }) => expiresAt), [2_000_000_000_000]);
});

test("exchange that fails has an error with a remedy", async () => {
  const answers: [() => Promise<Response>, RegExp][] = [
    [async () => new Response("no", { status: 400 }), /did not accept/],
    [async () => new Response("<html>"), /could not be reached/],
    [async () => Promise.reject(new TypeError("network")), /could not be reached/],
    [async () => Response.json({ access_token: "opaque" }), /no token/],
  ];
  for (const [answer, text] of answers) {
    await assert.rejects(exchange(SETTINGS, "code", "verifier", PAGE, answer as typeof fetch), text);
  }
});

test("tokens with an audience are tried, the access token first", () => {
  const access = jwt({ aud: "api" });
  const id = jwt({ aud: "page", exp: 5 });
  assert.deepEqual(candidatesOf({ access_token: access, id_token: id }), [{ token: access }, { token: id, expiresAt: 5_000 }]);
  assert.deepEqual(candidatesOf({ access_token: "opaque", id_token: id }).map(({ token }) => token), [id]);
  assert.deepEqual(candidatesOf({ access_token: jwt({ client_id: "page" }), id_token: 7 }), []);
});

test("a token has its whole lifetime, whatever this machine's clock", () => {
  const id_token = jwt({ aud: "page", iat: 1_000, exp: 1_060 });
  assert.deepEqual(candidatesOf({ id_token }, 5_000_000).map(({ expiresAt }) => expiresAt), [5_060_000]);
});

test("claims are read in base64url of any length", () => {
  for (const sub of ["a", "ab", "abc", "ü", "???", " ???", "  ???", "~~~", " ~~~", "  ~~~"]) assert.equal(candidatesOf({ id_token: jwt({ aud: "page", sub }) }).length, 1, sub);
});

test("settings without a complete issuer are none", () => {
  assert.deepEqual(settingsOf({ version: "0.1.0", oidc: SETTINGS }), SETTINGS);
  assert.equal(settingsOf({ version: "0.1.0" }), undefined);
  assert.equal(settingsOf({ oidc: { ...SETTINGS, client_id: "" } }), undefined);
});

test("rejects endpoints that are no web addresses", () => {
  const withEndpoint = (authorization_endpoint: string): unknown => settingsOf({ oidc: { ...SETTINGS, authorization_endpoint } });
  for (const url of ["javascript:alert(1)", "http://issuer.example/", "data:text/html,x", "nonsense"]) assert.equal(withEndpoint(url), undefined, url);
  assert.ok(withEndpoint("http://127.0.0.1:9/authorize"));
});

// The page of a Doorbell deployment: sign in, choose a runtime, choose a model, ask a question.
import { DoorbellClient, type Runtime } from "doorbell-client";
import { ServerClock } from "./age.js";
import { button, element } from "./dom.js";
import { Memory } from "./memory.js";
import { isCallback } from "./oidc.js";
import { pickerView } from "./picker.js";
import { hashOf, routeOf } from "./route.js";
import { runtimesView } from "./runtimes.js";
import { Session, usableStorage } from "./session.js";
import { signInView } from "./sign_in.js";
import { finishIssuer, leaveForIssuer, loadSettings, pageUrl, tryToken } from "./sign_in_flow.js";
import { TOKEN_NOT_ACCEPTED, type Problem } from "./states.js";
import { headingElement, type View } from "./view.js";

/** A workspace has hundreds; the page shows the first of them, sorted, and searches all. */
const MAX_RUNTIMES = 5_000;
/** A user would rather press "Try again" than wait for a third retry. */
const RETRIES = 2;

const main = document.getElementById("main") as HTMLElement;
const bar = document.getElementById("bar") as HTMLElement;
const clock = new ServerClock();
const settings = loadSettings();
const signOutButton = button("Sign out", () => signOut(undefined));

/** Made by `start`. */
let session: Session;
let memory = new Memory();
let view: View | undefined;

/** `fetch`, which also reads the server's clock. */
const timedFetch: typeof fetch = async (input, init) => {
  const sent = Date.now();
  const response = await fetch(input, init);
  clock.observe(response.headers.get("date"), sent, Date.now());
  return response;
};

function clientFor(token: string): DoorbellClient {
  return new DoorbellClient({ url: pageUrl(), token, fetch: timedFetch, retries: RETRIES });
}

function show(next: View, focus: boolean): void {
  view?.dispose();
  view = next;
  main.replaceChildren(next.element);
  setTitle(next.title);
  if (focus) {
    next.heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function setTitle(title: string): void {
  document.title = `${title} · Doorbell`;
}

function signOut(reason: string | undefined): void {
  session.forget();
  memory = new Memory();
  // A user whose token has ended returns to the same runtime.
  if (reason === undefined) history.replaceState(null, "", pageUrl());
  showSignIn(reason, true);
}

function showSignIn(reason: string | undefined, focus: boolean): void {
  signOutButton.remove();
  const actions = {
    reason,
    hasIssuer: settings.then((found) => found !== undefined),
    withToken: async (token: string) => {
      const problem = await tryToken(clientFor(token));
      if (problem) return problem.text;
      session.keep(token);
      showRoute(true);
      return undefined;
    },
    withIssuer: async () => leaveForIssuer(await settings, session),
  };
  show(signInView(actions), focus);
}

async function loadRuntimes(client: DoorbellClient, signal: AbortSignal): Promise<Runtime[]> {
  const kept = memory;
  const found: Runtime[] = [];
  for await (const runtime of client.runtimes({ signal })) {
    found.push(runtime);
    if (found.length === MAX_RUNTIMES) break;
  }
  kept.runtimes = found;
  return found;
}

/** Shows what the address names. */
function showRoute(focus: boolean): void {
  const token = session.token;
  if (token === undefined) return showSignIn(undefined, focus);
  if (!signOutButton.isConnected) bar.append(signOutButton);
  const client = clientFor(token);
  const failed = (problem: Problem): void => {
    if (problem.signedOut === true) signOut(TOKEN_NOT_ACCEPTED);
  };
  const now = (): number => clock.now();
  const route = routeOf(location.hash);
  if (route.view === "runtime") {
    const load = (signal: AbortSignal): Promise<unknown> => loadRuntimes(client, signal);
    show(pickerView(route.id, { client, memory, now, loadRuntimes: load, failed, titled: setTitle }), focus);
    return;
  }
  const open = (runtime: Runtime): void => {
    location.hash = hashOf({ view: "runtime", id: runtime.id });
  };
  const load = (signal: AbortSignal): Promise<Runtime[]> => loadRuntimes(client, signal);
  show(runtimesView({ remembered: memory.runtimes, now, load, open, failed }), focus);
}

/** Without storage no sign-in would last. */
function showBlocked(): void {
  const heading = headingElement("Sign in");
  const text = element("p", { role: "alert", class: "error" }, "This page needs session storage. Allow it in the browser's settings and reload the page.");
  const blocked = element("div", { class: "card narrow" }, heading, text);
  show({ element: blocked, heading, title: "Sign in", dispose: () => undefined }, false);
}

async function start(): Promise<void> {
  const storage = usableStorage(() => sessionStorage);
  if (storage === undefined) return showBlocked();
  session = new Session(storage, () => signOut("Your sign-in has expired. Sign in again."));
  addEventListener("hashchange", () => {
    if (session.token !== undefined) showRoute(true);
  });
  session.watch();
  const query = new URLSearchParams(location.search);
  if (!isCallback(query)) return showRoute(false);
  const pending = session.takePending();
  // The code works once, and is no part of an address to keep.
  history.replaceState(null, "", pageUrl() + hashOf(routeOf(pending?.hash ?? "")));
  const heading = headingElement("Sign in");
  const text = element("p", { role: "status" }, "Signing in…");
  const waiting = element("div", { class: "card narrow" }, heading, text);
  show({ element: waiting, heading, title: "Sign in", dispose: () => undefined }, false);
  const problem = await finishIssuer(query, pending, await settings, session, clientFor);
  if (problem === undefined) showRoute(true);
  else showSignIn(problem, true);
}

void start();

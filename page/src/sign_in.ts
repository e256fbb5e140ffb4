// The form that asks for a token.
import { button, element } from "./dom.js";
import { isToken } from "./session.js";
import { TOKEN_NOT_ACCEPTED } from "./states.js";
import { headingElement, type View } from "./view.js";

export interface SignIn {
  /** Why the user is here again, if there is a reason. */
  reason: string | undefined;
  /** Whether an issuer is configured. */
  hasIssuer: Promise<boolean>;
  /** Tries a token. Resolves to what is wrong with it. */
  withToken(token: string): Promise<string | undefined>;
  /** Leaves the page for the issuer's. Resolves to what is wrong. */
  withIssuer(): Promise<string | undefined>;
}

export function signInView(actions: SignIn): View {
  const alert = element("p", { role: "alert", class: "error", dir: "auto" });
  const announce = (text: string | undefined): void => {
    // Emptied first, so that the same text is announced again.
    alert.textContent = "";
    if (text !== undefined) alert.textContent = text;
  };
  const field = element("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const submit = element("button", { type: "submit", class: "primary" }, "Sign in");
  const form = element(
    "form",
    { class: "stack" },
    element(
      "div",
      { class: "stack tight" },
      element("label", { for: "token" }, "Token"),
      field,
      element("p", { class: "hint" }, "A token of scope “user”. It stays in this tab, and in a copy of the tab, until you sign out. Reopening a closed tab restores it."),
    ),
    submit,
  );
  form.noValidate = true;
  const busy = async (work: () => Promise<string | undefined>): Promise<void> => {
    if (submit.disabled) return;
    announce(undefined);
    submit.disabled = true;
    try {
      announce(await work());
    } finally {
      submit.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    void busy(async () => {
      if (token === "") {
        field.focus();
        return "Enter a token.";
      }
      const problem = isToken(token) ? await actions.withToken(token) : TOKEN_NOT_ACCEPTED;
      if (problem !== undefined) {
        field.focus();
        field.select();
      }
      return problem;
    });
  });
  const heading = headingElement("Sign in");
  const view = element("div", { class: "card narrow" }, heading, alert, form);
  void actions.hasIssuer.then((hasIssuer) => {
    if (!hasIssuer) return;
    const issuer = button("Sign in with your organization", () => void busy(actions.withIssuer), { class: "wide" });
    form.before(issuer, element("p", { class: "or" }, "or with a token"));
  });
  announce(actions.reason);
  return { element: view, heading, title: "Sign in", dispose: () => undefined };
}

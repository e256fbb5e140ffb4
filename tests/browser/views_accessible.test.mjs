// axe-core finds nothing in any view, dark or light.
import { browserTest } from "./fixtures/context.mjs";
import { hasNoViolations } from "./fixtures/accessibility.mjs";
import { VIEWS } from "./fixtures/views.mjs";

for (const colorScheme of ["light", "dark"]) {
  for (const [name, view] of Object.entries(VIEWS)) {
    const options = { context: { colorScheme }, expectedErrors: view.expectedErrors };
    browserTest(`has no violations: ${name}, ${colorScheme}`, options, async (t) => {
      await view.open(t);
      await hasNoViolations(t.page);
    });
  }
}

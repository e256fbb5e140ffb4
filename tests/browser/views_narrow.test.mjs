// Every view fits into a narrow window.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { VIEWS } from "./fixtures/views.mjs";

const NARROW = { viewport: { width: 360, height: 740 } };

for (const [name, view] of Object.entries(VIEWS)) {
  browserTest(`fits into 360 px: ${name}`, { context: NARROW, expectedErrors: view.expectedErrors }, async (t) => {
    await view.open(t);
    const wide = await t.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      const outside = [...document.querySelectorAll("body *")].filter((element) => {
        const { right, width } = element.getBoundingClientRect();
        return width > 0 && right > clientWidth + 0.5;
      });
      return { scrollWidth, clientWidth, outside: outside.map((element) => element.outerHTML.slice(0, 120)) };
    });
    assert.equal(wide.scrollWidth, wide.clientWidth, JSON.stringify(wide.outside));
  });
}

/** The header `Link` of a list (RFC 8288). */

const LINK = /<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)/g;
const RELATION = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i;

/** The target of the first link to the next page. */
export function nextTarget(header: string | null): string | undefined {
  for (const [, target, parameters = ""] of (header ?? "").matchAll(LINK)) {
    const [, quoted, bare = ""] = RELATION.exec(parameters) ?? [];
    const relations = (quoted ?? bare).toLowerCase().split(/\s+/);
    if (relations.includes("next")) return target;
  }
  return undefined;
}

/**
 * The query of `target`, a link on the page at `url`, or `undefined` if it has none or is on another host. Only the query counts:
 * a path would lack the stage of an API Gateway URL, and the token stays at its host.
 */
export function nextQuery(url: string, target: string): string | undefined {
  try {
    const next = new URL(target, url);
    return next.origin === new URL(url).origin && next.search !== "" ? next.search : undefined;
  } catch {
    return undefined;
  }
}

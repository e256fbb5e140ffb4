// The part of the address after "#".

export type Route = { view: "runtimes" } | { view: "runtime"; id: string };

const RUNTIME = /^#\/runtimes\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The route of `location.hash`. Anything unknown is the list of runtimes. */
export function routeOf(hash: string): Route {
  const id = RUNTIME.exec(hash)?.[1];
  return id === undefined ? { view: "runtimes" } : { view: "runtime", id };
}

export function hashOf(route: Route): string {
  return route.view === "runtime" ? `#/runtimes/${route.id}` : "#/";
}

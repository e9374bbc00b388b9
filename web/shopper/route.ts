import { useSyncExternalStore } from "react";
import { parseRoute, type Route } from "./route-path";

export { PANELS, panelPath, type Panel, type Route } from "./route-path";

const CHANGED = "koi:navigated";

/** Goes to a panel without loading the page anew. */
export function navigate(path: string): void {
  if (path !== location.pathname) history.pushState(null, "", path + location.search);
  dispatchEvent(new Event(CHANGED));
}

const subscribe = (listener: () => void) => {
  addEventListener("popstate", listener);
  addEventListener(CHANGED, listener);
  return () => {
    removeEventListener("popstate", listener);
    removeEventListener(CHANGED, listener);
  };
};

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.pathname));
}

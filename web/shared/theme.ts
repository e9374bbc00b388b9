import { useSyncExternalStore } from "react";

/** What was chosen; `system` follows the device. */
export type ThemeChoice = "system" | "light" | "dark";
export type Theme = "light" | "dark";

const STORED = "koi.theme";
const listeners = new Set<() => void>();
const dark = () => matchMedia("(prefers-color-scheme: dark)");

function stored(): ThemeChoice {
  try {
    const word = localStorage.getItem(STORED);
    return word === "light" || word === "dark" ? word : "system";
  } catch {
    return "system";
  }
}

let choice: ThemeChoice = "system";

/** The theme that is shown. */
export function currentTheme(): Theme {
  return choice === "system" ? (dark().matches ? "dark" : "light") : choice;
}

function show(): void {
  document.documentElement.dataset["theme"] = currentTheme();
  for (const listener of listeners) listener();
}

/** Before the first paint: sets `data-theme` on the root, which the variables of tokens.css hang on. `?theme=` wins. */
export function startTheme(): void {
  const asked = new URLSearchParams(location.search).get("theme");
  choice = asked === "light" || asked === "dark" ? asked : stored();
  dark().addEventListener("change", show);
  show();
}

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Then it holds for this page.
  }
  show();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** The theme that is shown and what was chosen, kept up to date. */
export function useTheme(): { theme: Theme; choice: ThemeChoice } {
  const theme = useSyncExternalStore(subscribe, currentTheme);
  const chosen = useSyncExternalStore(subscribe, () => choice);
  return { theme, choice: chosen };
}

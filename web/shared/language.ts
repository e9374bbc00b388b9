/** The languages that everything is written in. */
export const LANGUAGES = ["zh", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const STORED = "koi.language";

export function isLanguage(word: unknown): word is Language {
  return LANGUAGES.includes(word as Language);
}

/** What `?lang=` names, else what was chosen before, else what the browser likes best, else Chinese. */
export function wantedLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const candidates = [asked, stored(), ...navigator.languages];
  const words = candidates.map((tag) => tag?.toLowerCase().split(/[-_]/)[0]);
  return words.find(isLanguage) ?? "zh";
}

/** Tells the page's language to who reads it aloud, and to the choice of glyphs. */
export function showLanguage(language: string): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

/** Remembers a choice for the next page. */
export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Then it holds for this page.
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

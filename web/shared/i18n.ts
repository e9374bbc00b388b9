import { createInstance, type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { rememberLanguage, showLanguage, wantedLanguage, type Language } from "./language";

/** Sets i18next up, for the console; the same keys in both languages. The shopper's page has `texts.ts`, which weighs next to nothing. */
export function startI18n<Texts extends object>(texts: Record<Language, Texts>): i18n {
  const made = createInstance();
  void made.use(initReactI18next).init({
    lng: wantedLanguage(),
    fallbackLng: "en",
    resources: { zh: { translation: texts.zh }, en: { translation: texts.en } },
    // React escapes what it renders.
    interpolation: { escapeValue: false },
    returnNull: false,
    initAsync: false,
  });
  showLanguage(made.language);
  made.on("languageChanged", showLanguage);
  return made;
}

/** Changes the language and remembers it. */
export function chooseLanguage(i18n: i18n, language: Language): void {
  rememberLanguage(language);
  void i18n.changeLanguage(language);
}

import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { rememberLanguage, showLanguage, wantedLanguage, type Language } from "../shared/language";
import { TEXTS, type Texts } from "./texts";

interface Words {
  t: Texts;
  language: Language;
  choose: (language: Language) => void;
}

const Context = createContext<Words | undefined>(undefined);

/** Gives every component its words. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(wantedLanguage);
  const t = TEXTS[language];
  useEffect(() => {
    showLanguage(language);
    document.title = t.title;
  }, [language, t]);
  const choose = (next: Language) => {
    rememberLanguage(next);
    setLanguage(next);
  };
  return <Context value={{ t, language, choose }}>{children}</Context>;
}

export function useWords(): Words {
  const words = useContext(Context);
  if (!words) throw new Error("outside of LanguageProvider");
  return words;
}

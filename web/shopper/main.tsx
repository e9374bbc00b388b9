import { campaign, language, texts, token } from "./early";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../shared/tokens.css";
import { startTheme } from "../shared/theme";
import "../draw/games/games.css";
import "./style.css";
import { App } from "./App";
import { LanguageProvider } from "./language";
import { start } from "./store";

startTheme();
if (campaign) start(campaign, token);

const root = document.getElementById("root");
if (root) {
  const first = { language, t: await texts };
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider first={first}>
        <App />
      </LanguageProvider>
    </StrictMode>,
  );
}

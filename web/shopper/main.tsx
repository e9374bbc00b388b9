import { campaign, token } from "./early";
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
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider>
        <App />
      </LanguageProvider>
    </StrictMode>,
  );
}

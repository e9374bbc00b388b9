import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { startI18n } from "../../shared/i18n";
import { startTheme } from "../../shared/theme";
import "antd/dist/reset.css";
import "../../shared/tokens.css";
import "./console.css";
import { App } from "./App";
import { resources } from "./lib/texts";

startTheme();
const i18n = startI18n(resources);
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={i18n}>
        <App />
      </I18nextProvider>
    </StrictMode>,
  );
}

// A field for a password that is being chosen.
import type { TemplateResult } from "lit";
import { field } from "../../ui/form";
import { t } from "../../ui/texts";

export const MIN_PASSWORD = 8;

export const newPassword = (name: string, label: string): TemplateResult =>
  field(name, label, {
    type: "password",
    autocomplete: "new-password",
    minlength: MIN_PASSWORD,
    hint: t("forms.password_hint", { count: MIN_PASSWORD }),
  });

// Says no before a byte is sent, with the limit that says so.
import type { Limits } from "../../api/site";
import { clock, size } from "../../ui/format";
import { t } from "../../ui/texts";

export function tooLarge(size_bytes: number, limits: Limits): string | null {
  if (size_bytes === 0) return t("uploader.empty");
  if (size_bytes <= limits.max_upload_bytes) return null;
  return t("uploader.too_large", {
    size: size(size_bytes),
    limit: size(limits.max_upload_bytes),
  });
}

export function tooLong(duration_s: number | null, limits: Limits): string | null {
  // Browsers round; the server counts samples and has the last word.
  if (duration_s === null || duration_s <= limits.max_duration_s + 0.5) return null;
  return t("uploader.too_long", {
    length: clock(Math.ceil(duration_s)), // never told as the length that is allowed
    limit: clock(limits.max_duration_s),
  });
}

export const tooMany = (limits: Limits): string =>
  t("uploader.too_many", { count: limits.max_files_at_once });

// The operator's pages.
import "../features/admin/admin-panel";

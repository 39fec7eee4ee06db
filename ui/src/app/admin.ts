// The operator's pages.
import "../styles/admin.css";
import "../features/admin/admin-page";

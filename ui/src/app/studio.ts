// The working parts: uploader, songs, library, account, signing in.
import "../features/account/account-page";
import "../features/library/song-library";
import "../features/sign/sign-in-form";
import "../features/sign/sign-up-form";
import "../features/songs/song-list";
import "../features/upload/song-uploader";

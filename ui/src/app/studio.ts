// The working parts: uploader, songs, library, account, signing in.
export {};

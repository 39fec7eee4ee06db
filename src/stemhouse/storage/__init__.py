"""Where files are kept: a local folder or S3, behind one face, under keys of our own."""

from stemhouse.storage.links import LinkSigner
from stemhouse.storage.local import LocalStorage
from stemhouse.storage.opening import link_signer, open_storage
from stemhouse.storage.port import Storage, StoredObject
from stemhouse.storage.s3 import S3Options, S3Storage

__all__ = [
    "LinkSigner",
    "LocalStorage",
    "S3Options",
    "S3Storage",
    "Storage",
    "StoredObject",
    "link_signer",
    "open_storage",
]

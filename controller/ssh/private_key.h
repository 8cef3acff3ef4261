// A private key in memory: parsing of the two file formats and signing. Only keys.cc and its tests
// use it. Source: PROTOCOL.key of OpenSSH ("openssh-key-v1"); PEM by OpenSSL.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

struct evp_pkey_st;

namespace zk::ssh {

class PrivateKey {
  public:
    /// REQUIRES: `key` is an Ed25519, ECDSA (P-256, P-384, P-521) or RSA key pair.
    PrivateKey(std::shared_ptr<evp_pkey_st> key, std::string type, Bytes blob)
        : key_(std::move(key)), type_(std::move(type)), blob_(std::move(blob)) {}
    [[nodiscard]] const std::string& type() const { return type_; }
    [[nodiscard]] const Bytes& blob() const { return blob_; }
    /// The raw SSH signature: RSA by SHA-512, ECDSA as two mpints.
    [[nodiscard]] Result<Bytes> sign(ByteView data) const;

  private:
    std::shared_ptr<evp_pkey_st> key_;
    std::string type_;
    Bytes blob_;
};

/// Errc::refused: encrypted (`public_blob` is filled when the format shows it); Errc::invalid:
/// malformed or of an unsupported type.
Result<PrivateKey> parse_private_key(ByteView text, Bytes& public_blob);

}  // namespace zk::ssh

// SHA-256, by which binaries and files are known.
// Pure. Hex digits are small.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace zk::agent_api {

/// Digest of bytes that arrive in pieces.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(ByteView bytes);
    /// The digest of all bytes so far as 64 hex digits. Call it once, last.
    std::string finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The digest of `bytes` as 64 hex digits.
std::string sha256_hex(ByteView bytes);

}  // namespace zk::agent_api

// Blobs on their way to where they belong: received in pieces, verified, kept under their digest.
// Shell. One transfer at a time; a transfer that broke off goes on where it stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent_api/digest.h"
#include "agent_api/link.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_serve {

class BlobStore {
  public:
    explicit BlobStore(const agent_host::StateDir& state) : state_(state) {}

    /// Nothing when the blob is there; else the offset to send from. Asks for room before the first
    /// byte. Errc::refused while another session sends the same blob.
    Result<std::optional<std::uint64_t>> begin(const agent_api::BlobBegin& blob);
    Result<> chunk(ByteView bytes);
    /// Verifies and keeps it.
    Result<agent_api::BlobOk> end();
    /// What has come of a blob stays for the next session that sends it.
    void close() { file_ = agent_host::Fd(); }
    [[nodiscard]] bool receiving() const { return file_.is_open(); }

  private:
    Result<> open_part();
    Result<> or_close(Result<> result);
    Error give_up(Error error);
    [[nodiscard]] std::string part_file() const { return state_.blob_file(blob_.sha256) + ".part"; }

    const agent_host::StateDir& state_;
    agent_api::BlobBegin blob_;
    agent_host::Fd file_;
    std::uint64_t received_ = 0;
};

}  // namespace zk::agent_serve

// The body of a restore: a snapshot's bytes, plain or compressed, become a tree as they come.
// Shell of an http::Upload; on the admin server's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "admin/transfers.h"
#include "core/event.h"
#include "http/http_listener.h"
#include "storage/snapshot.h"
#include "storage/unpacker.h"

namespace zk::admin_server {

class RestoreUpload final : public http::Upload {
  public:
    /// Takes a tree whose last zxid is set, and who waits for the answer.
    using Done = std::function<void(std::shared_ptr<core::Restore>, http::Reply)>;
    /// Makes the page of what cannot be taken.
    using Failed = std::function<http::Response(const admin::TransferAnswer&)>;
    RestoreUpload(Done done, Failed failed) : done_(std::move(done)), failed_(std::move(failed)) {}

    bool take(std::string_view piece) override;
    /// What is no whole snapshot, or does not say its zxid, is answered with 400 and why.
    void end(http::Reply reply) override;

  private:
    Result<> feed(std::string_view piece);
    Result<std::shared_ptr<core::Restore>> finish();

    Done done_;
    Failed failed_;
    std::optional<storage::Unpacker> unpacker_;  ///< from the first two bytes on
    storage::SnapshotParser parser_{storage::Form::file};
    Bytes begin_;  ///< one byte alone says nothing
    std::uint64_t bytes_ = 0;
    std::optional<Error> error_;
};

}  // namespace zk::admin_server

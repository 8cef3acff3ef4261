#include "admin_server/restore_upload.h"

#include <utility>

namespace zk::admin_server {
namespace {
constexpr unsigned kBadRequest = 400;
}  // namespace

bool RestoreUpload::take(std::string_view piece) {
    bytes_ += piece.size();
    const Result<> fed = feed(piece);
    if (!fed.has_value()) error_ = fed.error();
    return !error_;
}

Result<> RestoreUpload::feed(std::string_view piece) {
    if (!unpacker_) {
        begin_ += piece;
        if (begin_.size() < 2) return ok();
        unpacker_.emplace(storage::compression_at(begin_));
        piece = begin_;
    }
    return unpacker_->feed(piece, [this](ByteView plain) -> Result<> {
        ZK_CHECK(parser_.feed(plain));
        return ok();
    });
}

Result<std::shared_ptr<core::Restore>> RestoreUpload::finish() {
    if (error_) return *error_;
    if (bytes_ == 0) return Error(Errc::invalid, "the body is empty");
    if (!unpacker_) return Error(Errc::corrupt, "one byte is no snapshot");
    ZK_CHECK(unpacker_->finish());
    ZK_CHECK(parser_.finish());
    const std::optional<Zxid> zxid = parser_.end_zxid();
    if (!zxid)
        return Error(Errc::invalid,
                     "it does not say at which zxid it was taken (servers before 3.6 write such "
                     "ones): put the file "
                     "into dataDir of a stopped server instead");
    auto restore = std::make_shared<core::Restore>();
    restore->tree = parser_.take_tree();
    restore->tree->set_last_zxid(*zxid);
    restore->sessions = parser_.take_sessions();
    return restore;
}

void RestoreUpload::end(http::Reply reply) {
    Result<std::shared_ptr<core::Restore>> restore = finish();
    if (restore.has_value()) return done_(*std::move(restore), std::move(reply));
    reply(failed_(admin::transfer_refused(
        admin::Transfer::restore,
        kBadRequest,
        "this is no snapshot to restore: " + restore.error().message() + "; nothing has changed")));
}

}  // namespace zk::admin_server

// An answer as it came over the wire, read as what was asked for. Part of Client and Session.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "client/client.h"
#include "client/connection.h"
#include "jute/archive.h"

namespace zk::client {

/// `read` takes the body of a good answer into the value. Errc::corrupt: the body ends before.
template <class T, class Read>
Result<Reply<T>> reply_of(const Result<RawReply>& raw, Read&& read) {
    if (!raw.has_value()) return raw.error();
    Reply<T> reply;
    reply.error = raw->header.error;
    reply.zxid = raw->header.zxid;
    if (!reply.ok()) return reply;
    jute::InputArchive archive(raw->body, static_cast<std::int32_t>(raw->body.size()));
    read(archive, reply.value);
    if (!archive.ok()) return Error(Errc::corrupt, "an answer that is too short");
    return reply;
}
template <class T>
Result<Reply<T>> reply_of(const Result<RawReply>& raw) {
    return reply_of<T>(raw, [](jute::InputArchive& archive, T& value) { archive.read(value); });
}
inline Result<Reply<Nothing>> empty_reply_of(const Result<RawReply>& raw) {
    return reply_of<Nothing>(raw, [](jute::InputArchive&, Nothing&) {});
}

}  // namespace zk::client

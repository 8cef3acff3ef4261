#include "agent_serve/probe_write.h"

#include <algorithm>
#include <chrono>

#include "client/blocking_client.h"

namespace zk::agent_serve {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kTimeoutMsMin = 100;
constexpr std::int64_t kTimeoutMsMax = 60000;

/// The zxid of a good reply; an error's words else.
template <class T>
Result<Zxid> committed(const char* what, const Result<client::Reply<T>>& reply) {
    if (!reply.has_value()) return reply.error().with_context(what);
    if (!reply->ok()) {
        return Error(Errc::refused,
                     std::string(what) + ": " + std::string(to_string(reply->error)));
    }
    return reply->zxid;
}

Result<Zxid> write(client::BlockingClient& client, const std::string& path) {
    ZK_CHECK(client.connect());
    ZK_TRY(const Zxid created,
           committed("create", client.create(path, Bytes("zkprov"), CreateMode::ephemeral)));
    ZK_TRY(const Zxid set, committed("setData", client.set_data(path, Bytes("probe"), 0)));
    ZK_TRY(const Zxid removed, committed("delete", client.remove(path, -1)));
    if (!(created < set && set < removed)) {
        return Error(Errc::failed, "the server's zxids do not grow from write to write");
    }
    return removed;
}

}  // namespace

agent_api::ProbeDone write_through(const agent_api::NodeSpec& spec,
                                   const agent_api::ProbeWrite& request) {
    const auto begin = std::chrono::steady_clock::now();
    client::ClientOptions options;
    options.host = spec.address;
    options.port = spec.client_port;
    options.connect_timeout = options.request_timeout =
        milliseconds(std::clamp(request.timeout_ms, kTimeoutMsMin, kTimeoutMsMax));
    client::BlockingClient client(options);
    agent_api::ProbeDone done;
    const auto zxid = write(client, request.path);
    if (zxid.has_value()) {
        done.committed = true;
        done.zxid = *zxid;
        (void)client.close();
    } else {
        // What may be left of it goes with its session, at that one's timeout.
        done.words = zxid.error().message();
    }
    done.took_ms =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin).count();
    return done;
}

}  // namespace zk::agent_serve

// Whatever bytes come, the frontend stays whole: no crash, and its counts add up when all
// connections are gone.
#include <random>

#include "harness.h"

namespace zk::frontend {
namespace {

class RandomBytes : public Harness {
  protected:
    RandomBytes() : Harness(tight()) {}
    /// Bounds that even these little requests reach.
    static Settings tight() {
        Settings tight = settings();
        tight.connection_bytes_max = 2000;
        tight.loop_bytes_max = 8000;
        tight.small_bytes_max = 500;
        tight.watch_bytes_max = 3000;
        return tight;
    }
    std::mt19937 random{20260704};

    std::size_t below(std::size_t bound) { return random() % bound; }
    Bytes noise(std::size_t size) {
        Bytes bytes;
        for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random()));
        return bytes;
    }
    Bytes request() {
        static constexpr std::int32_t kOps[] = {0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  11,
                                                12,  13,  14,  15,  16,  17,  18,  19,  20,  21, 22,
                                                100, 101, 102, 103, 104, 105, 106, 106, 107, -11};
        const auto op = static_cast<OpCode>(kOps[below(std::size(kOps))]);
        const auto xid = static_cast<std::int32_t>(below(5));
        Bytes body;
        switch (below(7)) {
            case 4:
                body = jute::encode(
                    jute::AddWatchRequest{below(2) == 0 ? "/a" : "/", AddWatchMode(below(3))});
                break;
            case 5:
                body = jute::encode(
                    jute::SetWatches2Request{{Zxid(1), {"/a"}, {}, {"/"}}, {"/a", "/b"}, {"/"}});
                break;
            case 6:
                body = jute::encode(jute::MultiHeader{OpCode::get_data, below(9) == 0, {}}) +
                       jute::encode(watch("/a")) +
                       jute::encode(jute::MultiHeader{OpCode::error, below(9) != 0, {}});
                break;
            case 0:
                body = jute::encode(watch(below(2) == 0 ? "/a" : "/b"));
                break;
            case 1:
                body = noise(below(40));
                break;
            case 2:
                body = jute::encode(jute::SetWatchesRequest{Zxid(1), {"/a"}, {"/b"}, {"/"}});
                break;
            default:
                body = jute::encode(jute::AuthRequest{0, "digest", noise(4)});
                break;
        }
        Bytes frame = framed(jute::encode(jute::RequestHeader{Xid(xid), op}) + body);
        if (below(20) == 0) frame[below(frame.size())] = static_cast<char>(random());
        return frame;
    }
    /// The core answers some of what it was asked.
    void answer_some() {
        for (const auto& message : std::exchange(to_core, {})) {
            if (const auto* open = std::get_if<request::OpenSession>(&message)) {
                say(request::SessionOpened{
                    open->origin, SessionId(++sessions), 4000, Bytes(16, 'p')});
            } else if (const auto* again = std::get_if<request::ReattachSession>(&message)) {
                const SessionId session = below(2) == 0 ? SessionId(1) : SessionId();
                say(request::SessionOpened{again->origin, session, 4000, Bytes(16, 'p')});
            } else if (const auto* asked = std::get_if<request::ClientRequest>(&message)) {
                if (below(8) == 0) continue;
                auto changed = below(2) == 0 ? create("/a") : remove("/a");
                say(changed,
                    request::Reply{asked->origin,
                                   asked->session,
                                   asked->xid,
                                   asked->op,
                                   Zxid(zxid),
                                   below(10) == 0 ? ErrorCode::session_moved : ErrorCode::ok,
                                   "body"});
            }
        }
        if (below(50) == 0)
            say(request::SessionGone{SessionId(static_cast<std::int64_t>(below(sessions + 1)))});
    }
    std::uint64_t sessions = 0;
};

TEST_F(RandomBytes, DoNoHarm) {
    for (ConnectionId id = 1; id <= 400; ++id) {
        open(id);
        Bytes bytes;
        if (below(5) != 0) {
            const auto session = below(4) == 0 ? SessionId(1) : SessionId();
            bytes += connect_frame(session, Zxid(0), static_cast<std::int32_t>(random()));
        }
        for (std::size_t i = below(60); i-- > 0;) bytes += request();
        if (below(4) == 0) bytes += noise(below(200));
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t size = std::min(1 + below(90), bytes.size() - at);
            feed(id, ByteView(bytes).substr(at, size));
            at += size;
            answer_some();
            EXPECT_LE(frontend.held_bytes(), 8000U + 400U * 900U) << "small ones are always let in";
        }
        now += std::chrono::milliseconds(below(500));
        frontend.on_tick(now, out);
        collect();
        if (below(40) == 0) {
            say(request::Serving{false});
            say(request::Serving{true});
        }
        for (const auto& [other, order] : std::map<ConnectionId, Orders>(orders)) {
            if (order.close == Close::no && below(10) != 0) continue;
            frontend.on_closed(other, out);
            collect();
            orders.erase(other);
        }
    }
    for (ConnectionId id = 1; id <= 400; ++id) frontend.on_closed(id, out);
    const Statistics statistics = frontend.statistics();
    EXPECT_EQ(statistics.connections, 0);
    EXPECT_EQ(statistics.outstanding, 0);
    EXPECT_EQ(statistics.watches, 0);
    say(request::Serving{false});
    EXPECT_EQ(frontend.held_bytes(), 0U);
    EXPECT_GT(statistics.packets_received, 1000);
}

}  // namespace
}  // namespace zk::frontend

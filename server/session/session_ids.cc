#include "session/session_ids.h"

#include "base/check.h"

namespace zk::session {

SessionId first_session_id(ServerId sid, std::int64_t monotonic_ms) {
    ZK_ASSERT(sid.value() >= 0 && sid.value() <= 254);
    const auto time = (static_cast<std::uint64_t>(monotonic_ms) << 24) >> 8;
    const auto id = static_cast<std::uint64_t>(sid.value()) << 56 | time;
    const SessionId first(static_cast<std::int64_t>(id));
    return id == 0 || id == 0x8000000000000000ULL ? next_session_id(first) : first;
}

ServerId server_of(SessionId session) {
    return ServerId(static_cast<std::int64_t>(static_cast<std::uint64_t>(session.value()) >> 56));
}

SessionId next_session_id(SessionId previous) {
    auto id = static_cast<std::uint64_t>(previous.value());
    do {
        ++id;
    } while (id == 0 || id == 0x8000000000000000ULL);
    return SessionId(static_cast<std::int64_t>(id));
}

Bytes password_for(SessionId session) {
    // java.util.Random, seeded with the id and a constant, nextBytes(16).
    constexpr std::uint64_t kMask = (std::uint64_t{1} << 48) - 1;
    constexpr std::uint64_t kMultiplier = 0x5DEECE66DULL;
    std::uint64_t state =
        ((static_cast<std::uint64_t>(session.value()) ^ 0xB3415C00ULL) ^ kMultiplier) & kMask;
    Bytes password;
    for (int word = 0; word < 4; ++word) {
        state = (state * kMultiplier + 0xB) & kMask;
        const auto bits = static_cast<std::uint32_t>(state >> 16);
        for (unsigned byte = 0; byte < 4; ++byte) {
            password.push_back(static_cast<char>(bits >> (8 * byte) & 0xff));
        }
    }
    return password;
}

bool check_password(SessionId session, ByteView password) {
    return password == password_for(session);
}

}  // namespace zk::session

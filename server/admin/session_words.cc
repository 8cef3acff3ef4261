#include "admin/session_words.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/core.h>

#include "admin/mntr.h"

namespace zk::admin {
namespace {

using frontend::ConnectionStatistics;

std::string session_text(SessionId session) { return hex(session.value()); }

/// "Sun Nov 22 07:10:12 UTC 2026". Always UTC; Apache's server has its host's time zone.
std::string date_text(WallMs at) {
    static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    using namespace std::chrono;
    const sys_seconds second = floor<seconds>(sys_time<milliseconds>(milliseconds(at.value())));
    const sys_days day = floor<days>(second);
    const year_month_day date(day);
    const hh_mm_ss of_day(second - day);
    return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {}",
                       kDays[weekday(day).c_encoding()],
                       kMonths[static_cast<unsigned>(date.month()) - 1],
                       static_cast<unsigned>(date.day()),
                       of_day.hours().count(),
                       of_day.minutes().count(),
                       of_day.seconds().count(),
                       static_cast<int>(date.year()));
}

WallMs wall_in(const Facts& facts, Duration duration) {
    return WallMs(facts.wall.value() + to_ms(duration));
}

std::string cons_line(const Facts& facts, const ConnectionStatistics& connection) {
    const frontend::Activity& did = connection.activity;
    std::string line = fmt::format(" /{}[{:x}](queued={},recved={},sent={}",
                                   connection.address,
                                   interest_of(connection),
                                   connection.queued,
                                   did.received,
                                   did.sent);
    if (connection.session != SessionId{}) {
        line += fmt::format(",sid={},lop={},est={},to={}",
                            session_text(connection.session),
                            operation_text(did.last_op),
                            wall_in(facts, connection.established - facts.now).value(),
                            connection.timeout_ms);
        if (did.last_cxid >= 0) line += fmt::format(",lcxid={}", hex(did.last_cxid));
        const std::int64_t count = std::max<std::int64_t>(1, did.latency.count);
        line += fmt::format(",lzxid={},lresp={},llat={},minlat={},avglat={},maxlat={}",
                            hex(did.last_zxid.value()),
                            to_ms(did.last_answer.time_since_epoch()),
                            did.last_latency_ms,
                            did.latency.min_ms,
                            did.latency.total_ms / count,
                            did.latency.max_ms);
    }
    return line + ")\n";
}

std::string expiry_line(const Facts& facts, std::size_t count, Duration in) {
    return fmt::format("{} expire at {}:\n", count, date_text(wall_in(facts, in)));
}

std::string session_sets(const Facts& facts,
                         const std::vector<core::SessionsPage::Bucket>& buckets,
                         std::size_t count) {
    std::string text = fmt::format("Session Sets ({})/({}):\n", buckets.size(), count);
    for (const auto& bucket : buckets) {
        text += expiry_line(facts, bucket.sessions.size(), bucket.in);
        for (const SessionId session : bucket.sessions)
            text += fmt::format("\t{}\n", session_text(session));
    }
    return text;
}

std::string dump_sessions(const Facts& facts) {
    const core::SessionsPage& page = facts.sessions;
    std::string text;
    if (page.local)
        text = "Local " + session_sets(facts, *page.local, facts.status.local_session_count);
    if (page.expires) {
        return text + (page.local ? "Global " : "") +
               session_sets(facts, page.buckets, page.all.size());
    }
    text += fmt::format("Global Sessions({}):\n", page.all.size());
    for (const auto& [session, timeout_ms] : page.all)
        text += fmt::format("{}\t{}ms\n", session_text(session), timeout_ms);
    return text;
}

std::string dump_ephemerals(const Facts& facts) {
    const auto& all = facts.sessions.ephemerals;
    std::string text = fmt::format("Sessions with Ephemerals ({}):\n", all.size());
    for (const auto& [session, paths] : all) {
        text += session_text(session) + ":\n";
        for (const std::string& path : paths) text += "\t" + path + "\n";
    }
    return text;
}

/// Those that go within the same ten seconds stand together, as in Apache's server.
std::string dump_connections(const Facts& facts) {
    constexpr std::int64_t kTogether_ms = 10'000;
    std::map<std::int64_t, std::vector<const ConnectionStatistics*>> sets;
    for (const ConnectionStatistics& connection : facts.connections) {
        const std::int64_t at = to_ms((facts.now + connection.ends_in).time_since_epoch());
        sets[(at / kTogether_ms + 1) * kTogether_ms].push_back(&connection);
    }
    std::string text =
        fmt::format("Connections Sets ({})/({}):\n", sets.size(), facts.connections.size());
    for (const auto& [at_ms, set] : sets) {
        const Duration in = milliseconds(at_ms) - facts.now.time_since_epoch();
        text += expiry_line(facts, set.size(), in);
        for (const ConnectionStatistics* connection : set) {
            text += fmt::format("\tip: /{} sessionId: {}\n",
                                connection->address,
                                session_text(connection->session));
        }
    }
    return text;
}

}  // namespace

std::string cons(const Facts& facts) {
    std::string text;
    for (const ConnectionStatistics& connection : facts.connections)
        text += cons_line(facts, connection);
    return text + "\n";
}

std::string dump(const Facts& facts) {
    return "SessionTracker dump:\n" + dump_sessions(facts) + "ephemeral nodes dump:\n" +
           dump_ephemerals(facts) + "Connections dump:\n" + dump_connections(facts);
}

std::string watch_summary(const Facts& facts) {
    std::size_t total = 0;
    for (const auto& watched : facts.watched) total += watched.sessions.size();
    return fmt::format("{} connections watching {} paths\nTotal watches:{}\n",
                       watched_by_session(facts.watched).size(),
                       facts.watched.size(),
                       total);
}

std::string watches_by_session(const Facts& facts) {
    std::string text;
    for (const auto& [session, paths] : watched_by_session(facts.watched)) {
        text += session_text(session) + "\n";
        for (const std::string& path : paths) text += "\t" + path + "\n";
    }
    return text + "\n";
}

std::string watches_by_path(const Facts& facts) {
    std::string text;
    for (const auto& [path, sessions] : facts.watched) {
        text += path + "\n";
        for (const SessionId session : sessions) text += "\t" + session_text(session) + "\n";
    }
    return text + "\n";
}

std::map<SessionId, std::vector<std::string>> watched_by_session(
    const std::vector<frontend::WatchedPath>& watched) {
    std::map<SessionId, std::vector<std::string>> by_session;
    for (const auto& [path, sessions] : watched) {
        for (const SessionId session : sessions) by_session[session].push_back(path);
    }
    return by_session;
}

int interest_of(const ConnectionStatistics& connection) {
    if (connection.asked) return 0;
    return (connection.reading ? 1 : 0) + (connection.writing ? 4 : 0);
}

std::string operation_text(std::optional<OpCode> op) {
    if (!op) return "NA";
    switch (*op) {
        case OpCode::ping:
            return "PING";
        case OpCode::create_session:
            return "SESS";
        case OpCode::close_session:
            return "CLOS";
        case OpCode::multi:
            return "MULT";
        case OpCode::multi_read:
            return "MLTR";
        case OpCode::create:
        case OpCode::create2:
        case OpCode::create_container:
        case OpCode::create_ttl:
            return "CREA";
        case OpCode::remove:
        case OpCode::delete_container:
            return "DELE";
        case OpCode::set_data:
            return "SETD";
        case OpCode::set_acl:
            return "SETA";
        case OpCode::reconfig:
            return "RECO";
        case OpCode::sync:
            return "SYNC";
        case OpCode::check:
            return "CHEC";
        case OpCode::exists:
            return "EXIS";
        case OpCode::get_data:
            return "GETD";
        case OpCode::get_acl:
            return "GETA";
        case OpCode::get_children:
        case OpCode::get_children2:
            return "GETC";
        case OpCode::get_all_children_number:
            return "GETACN";
        case OpCode::get_ephemerals:
            return "GETE";
        case OpCode::set_watches:
            return "SETW";
        case OpCode::set_watches2:
            return "STW2";
        case OpCode::add_watch:
            return "ADDW";
        case OpCode::check_watches:
            return "CHKW";
        case OpCode::remove_watches:
            return "REMW";
        case OpCode::who_am_i:
            return "HOMI";
        default:
            return "NA";
    }
}

}  // namespace zk::admin

// The form in which elections are told, written and read. See history.h.
#include <algorithm>
#include <initializer_list>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/numbers.h"
#include "election/history.h"

namespace zk::election {

std::string_view to_string(Moment::Kind kind) {
    switch (kind) {
        case Moment::Kind::cast:
            return "cast";
        case Moment::Kind::heard:
            return "heard";
        case Moment::Kind::doubted:
            return "doubted";
        case Moment::Kind::majority:
            return "majority";
        case Moment::Kind::lost:
            return "majority_lost";
    }
    return "unknown";
}

std::string_view to_string(Moment::Reason reason) {
    switch (reason) {
        case Moment::Reason::own:
            return "own";
        case Moment::Reason::better:
            return "better";
        case Moment::Reason::round:
            return "round";
        case Moment::Reason::overrated:
            return "overrated";
    }
    return "unknown";
}

namespace {

std::string list_of(const std::vector<ServerId>& servers) {
    std::string list;
    for (const ServerId sid : servers) list += (list.empty() ? "" : ",") + zk::to_string(sid);
    return list;
}

std::string line_of(const Moment& moment) {
    std::string line = fmt::format("{} after_us={}", to_string(moment.kind), moment.after.count());
    const bool heard = moment.kind == Moment::Kind::heard || moment.kind == Moment::Kind::doubted;
    if (moment.kind == Moment::Kind::cast) {
        line += fmt::format(" reason={}", to_string(moment.reason));
        if (moment.reason != Moment::Reason::own) line += " from=" + zk::to_string(moment.from);
    }
    if (heard)
        line += fmt::format(" from={} state={}", moment.from.value(), to_string(moment.state));
    line += " " + to_string(moment.vote);
    if (moment.rule) line += fmt::format(" rule={}", to_string(*moment.rule));
    if (moment.kind == Moment::Kind::doubted)
        line += fmt::format(" doubt={}", to_string(moment.doubt));
    if (!moment.who.empty()) line += " who=" + list_of(moment.who);
    return line + "\n";
}

}  // namespace

std::string to_text(const Search& search) {
    std::string text = fmt::format(
        "search number={} began_ms={} epoch={} zxid={} votes={} left_out={} why=\"{}\"\n",
        search.number,
        search.began.value(),
        search.epoch.value(),
        zk::to_string(search.zxid),
        search.votes ? "yes" : "no",
        search.left_out,
        search.why);
    for (const Moment& moment : search.moments) text += line_of(moment);
    if (search.decided) {
        text += fmt::format("decided after_us={} state={} {}\n",
                            search.decided->after.count(),
                            to_string(search.decided->state),
                            to_string(search.decided->vote));
    }
    if (search.serving) {
        text += fmt::format("serving after_us={} epoch={}\n",
                            search.serving->after.count(),
                            search.serving->epoch.value());
    }
    if (search.ended) {
        text += fmt::format(
            "ended after_us={} why=\"{}\"\n", search.ended->after.count(), search.ended->why);
    }
    return text;
}

std::string to_text(const History& history) {
    std::string text;
    for (const Search& search : history.searches()) text += to_text(search);
    return text;
}

namespace {

using Values = std::map<std::string_view, std::string_view>;

/// The kind of a line, and its values.
std::pair<std::string_view, Values> read_line(std::string_view line) {
    Values values;
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view kind = line.substr(0, space);
    line.remove_prefix(space);
    while (!line.empty()) {
        line.remove_prefix(1);  // the blank before, or the quote behind
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) break;
        const std::string_view name = line.substr(0, equals);
        line.remove_prefix(equals + 1);
        const bool quoted = line.starts_with('"');
        if (quoted) line.remove_prefix(1);
        const std::size_t end = std::min(line.find(quoted ? '"' : ' '), line.size());
        values[name] = line.substr(0, end);
        line.remove_prefix(end);
        if (quoted && !line.empty()) line.remove_prefix(1);
    }
    return {kind, values};
}

/// Reads the values of one line; says afterwards whether all were there.
class Reader {
  public:
    explicit Reader(Values values) : values_(std::move(values)) {}

    [[nodiscard]] std::string_view word(std::string_view name) {
        const auto found = values_.find(name);
        if (found != values_.end()) return found->second;
        missing_ = true;
        return {};
    }
    [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
    [[nodiscard]] std::int64_t number(std::string_view name) {
        return checked(parse_number(word(name)));
    }
    [[nodiscard]] Zxid zxid(std::string_view name) {
        std::string_view text = word(name);
        if (!text.starts_with("0x")) missing_ = true;
        text.remove_prefix(std::min<std::size_t>(2, text.size()));
        return Zxid(static_cast<std::int64_t>(checked(parse_number<std::uint64_t>(text, 16))));
    }
    template <class Enum>
    Enum one_of(std::string_view name, std::initializer_list<Enum> all) {
        const std::string_view text = word(name);
        for (const Enum value : all) {
            if (to_string(value) == text) return value;
        }
        missing_ = true;
        return *all.begin();
    }
    PeerState state() {
        return one_of(
            "state",
            {PeerState::looking, PeerState::following, PeerState::leading, PeerState::observing});
    }
    Vote vote() {
        return {ServerId(number("leader")),
                zxid("zxid"),
                Round(number("round")),
                Epoch(number("epoch"))};
    }
    Duration after() { return Duration(number("after_us")); }
    std::vector<ServerId> servers(std::string_view name) {
        std::vector<ServerId> servers;
        std::string_view text = word(name);
        while (!text.empty()) {
            const std::size_t end = std::min(text.find(','), text.size());
            servers.emplace_back(checked(parse_number(text.substr(0, end))));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return servers;
    }
    [[nodiscard]] bool missing() const { return missing_; }

  private:
    template <class Number>
    Number checked(std::optional<Number> number) {
        if (!number) missing_ = true;
        return number.value_or(0);
    }
    Values values_;
    bool missing_ = false;
};

Search read_search(Reader& line) {
    Search search;
    search.number = static_cast<std::uint64_t>(line.number("number"));
    search.began = WallMs(line.number("began_ms"));
    search.epoch = Epoch(line.number("epoch"));
    search.zxid = line.zxid("zxid");
    search.votes = line.word("votes") == "yes";
    search.left_out = static_cast<std::size_t>(line.number("left_out"));
    search.why = std::string(line.word("why").substr(0, History::kWhyBytes));
    return search;
}

Moment read_moment(Moment::Kind kind, Reader& line) {
    using Kind = Moment::Kind;
    using Reason = Moment::Reason;
    Moment moment{.kind = kind, .after = line.after(), .vote = line.vote()};
    if (kind == Kind::cast) {
        moment.reason =
            line.one_of("reason", {Reason::own, Reason::better, Reason::round, Reason::overrated});
        if (moment.reason != Reason::own) moment.from = ServerId(line.number("from"));
    }
    if (kind == Kind::heard || kind == Kind::doubted) {
        moment.from = ServerId(line.number("from"));
        moment.state = line.state();
    }
    if (line.has("rule")) moment.rule = line.one_of("rule", {Rule::epoch, Rule::zxid, Rule::sid});
    if (kind == Kind::doubted) {
        using Doubt = Mistrust::Doubt;
        moment.doubt =
            line.one_of("doubt", {Doubt::none, Doubt::round, Doubt::epoch, Doubt::absent_leader});
    }
    if (kind == Kind::majority) moment.who = line.servers("who");
    return moment;
}

void read_into(Search& search, std::string_view kind, Reader& line) {
    using Kind = Moment::Kind;
    if (kind == "decided") {
        search.decided = Search::Decision{line.after(), line.state(), line.vote()};
    } else if (kind == "serving") {
        search.serving = Search::Reign{line.after(), Epoch(line.number("epoch"))};
    } else if (kind == "ended") {
        search.ended =
            Search::End{line.after(), std::string(line.word("why").substr(0, History::kWhyBytes))};
    }
    for (const Kind known : {Kind::cast, Kind::heard, Kind::doubted, Kind::majority, Kind::lost}) {
        if (kind == to_string(known) && search.moments.size() < History::kMoments) {
            search.moments.push_back(read_moment(known, line));
        }
    }
}

}  // namespace

Result<std::vector<Search>> parse_searches(std::string_view text) {
    std::vector<Search> searches;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        auto [kind, values] = read_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        Reader line(std::move(values));
        if (kind == "search") {
            if (searches.size() == History::kSearches) break;
            searches.push_back(read_search(line));
        } else if (!searches.empty()) {
            read_into(searches.back(), kind, line);
        }
        if (line.missing())
            return Error(Errc::corrupt,
                         fmt::format("elec: a line \"{}\" cannot be read", kind.substr(0, 40)));
    }
    return searches;
}

}  // namespace zk::election

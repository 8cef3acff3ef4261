#include "sim/options.h"

#include "command_line/parse.h"
#include "sim/shapes.h"

namespace zk::sim {
namespace {

using command_line::Option;
using command_line::Parsed;
using command_line::Program;
using command_line::Repeat;
using command_line::Type;

/// Those that change a seed's run: a failure prints them.
std::vector<Option> options_of_a_world() {
    return {{.name = "shape",
             .type = Type::choice,
             .value = "NAME",
             .meaning = "for all seeds",
             .choices = shape_names(),
             .otherwise = "by the seed"},
            {.name = "servers",
             .type = Type::number,
             .value = "N",
             .meaning = "instead of the shape's",
             .least = 1,
             .most = 255},
            {.name = "clients",
             .type = Type::number,
             .value = "N",
             .meaning = "instead of the shape's",
             .most = 100'000},
            {.name = "seconds",
             .type = Type::number,
             .value = "N",
             .meaning = "virtual time with faults",
             .most = 1'000'000},
            {.name = "stream", .meaning = "a SNAP goes out while the leader's tree changes"},
            {.name = "without",
             .type = Type::choice,
             .value = "KIND",
             .meaning = "leave out a fault",
             .choices = {kFaultNames.begin(), kFaultNames.end()},
             .repeat = Repeat::collects},
            {.name = "faults",
             .type = Type::choice,
             .meaning = "none at all, or crashes, partitions and resets only",
             .choices = {"old", "none"}}};
}

std::vector<Option> all_options() {
    std::vector<Option> options = {{.name = "seed",
                                    .type = Type::number,
                                    .value = "N",
                                    .meaning = "the first one",
                                    .standard = "1"},
                                   {.name = "count",
                                    .type = Type::number,
                                    .value = "N",
                                    .meaning = "how many seeds",
                                    .standard = "1"}};
    for (Option& option : options_of_a_world()) options.push_back(std::move(option));
    const std::vector<Option> of_a_run = {
        {.name = "go-on", .meaning = "a failure does not end the run"},
        {.name = "twice", .meaning = "each seed two times, which must not differ"},
        {.name = "trace", .meaning = "log lines of all servers to stderr"},
        {.name = "marks", .meaning = "print the coverage marks that were hit"},
        {.name = "require-marks",
         .type = Type::file,
         .value = "FILE",
         .meaning = "end with 1 when marks of this list were not hit (tests/sim/marks.txt)"},
        {.name = "list", .meaning = "print the names of shapes and faults, and run nothing"}};
    options.insert(options.end(), of_a_run.begin(), of_a_run.end());
    return options;
}

void leave_out(Options& options, const Parsed& parsed) {
    for (const auto& name : parsed.all("without")) options.without.insert(*fault_named(name.text));
    if (!parsed.has("faults")) return;
    using K = FaultKind;
    const std::set<K> old = {
        K::power_cut, K::power_cut_call, K::partition, K::one_way, K::reset, K::client_reset};
    const bool none = parsed.text("faults") == "none";
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        const auto kind = static_cast<K>(i);
        if (none || !old.contains(kind)) options.without.insert(kind);
    }
}

std::string words_to_repeat(const Parsed& parsed) {
    std::string words;
    for (const Option& option : options_of_a_world()) {
        if (!parsed.given(option.name)) continue;
        const std::string name = " --" + std::string(option.name);
        if (option.type == Type::flag) words += name;
        for (const auto& value : parsed.all(option.name)) words += name + " " + value.text;
    }
    return words;
}

std::optional<std::int64_t> number_of(const Parsed& parsed, std::string_view option) {
    if (!parsed.has(option)) return std::nullopt;
    return parsed.number(option);
}

}  // namespace

const Program& program() {
    static const Program kProgram = {
        .name = "sim",
        .meaning = "runs whole ensembles in virtual time, one from each seed.",
        .commands =
            {{.name = {},
              .meaning = "run seeds",
              .help = "A seed that fails prints the line that repeats it, and the end is 1.\n"}},
        .options = all_options(),
        .has_version = false,
    };
    return kProgram;
}

Result<Options> parse_options(const std::vector<std::string>& words) {
    ZK_TRY(const Parsed parsed, command_line::parse(program(), words));
    Options options;
    if (parsed.asked == command_line::Asked::help) {
        options.what = Options::What::help;
        return options;
    }
    if (parsed.flag("list")) options.what = Options::What::list;
    options.seed = static_cast<std::uint64_t>(parsed.number("seed"));
    options.count = static_cast<std::uint64_t>(parsed.number("count"));
    options.shape = parsed.text("shape");
    options.servers = number_of(parsed, "servers");
    options.clients = number_of(parsed, "clients");
    options.seconds = number_of(parsed, "seconds");
    options.stream = parsed.flag("stream");
    options.trace = parsed.flag("trace");
    options.twice = parsed.flag("twice");
    options.go_on = parsed.flag("go-on");
    options.marks = parsed.flag("marks");
    options.required_marks = parsed.text("require-marks");
    leave_out(options, parsed);
    options.as_words = words_to_repeat(parsed);
    return options;
}

}  // namespace zk::sim

#include "zkserver_entry/server_script.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "client/four_letter.h"
#include "image/setup.h"
#include "image/status.h"
#include "zkserver_entry/container.h"

namespace zk::zkserver_entry {
namespace {

constexpr std::chrono::milliseconds kAnswerTime{5000};
constexpr int kFailed = 1;
constexpr int kInvalid = 2;
constexpr std::string_view kScript = "zkServer.sh";
constexpr std::string_view kUsage =
    "Usage: zkServer.sh [--config <conf-dir>] "
    "{start-foreground|status|health|version|print-cmd} [<config>]\n";
constexpr std::array<std::string_view, 5> kWords = {
    "start-foreground", "status", "health", "version", "print-cmd"};
/// Of Apache's script, which work with a process in the background.
constexpr std::array<std::string_view, 3> kBackground = {"start", "stop", "restart"};

void say(const std::string& words) { std::fprintf(stderr, "%s\n", words.c_str()); }
Outcome refuse(const Error& error, int code) {
    say("zkserver-entry: " + error.message());
    return {.code = code};
}

std::string variable(const image::Environment& environment,
                     std::string_view name,
                     const std::string& otherwise) {
    const auto found = environment.find(name);
    return found == environment.end() || found->second.empty() ? otherwise : found->second;
}

/// What the words of zkServer.sh ask for.
struct Asked {
    std::string word;
    std::string config;  ///< path of the zoo.cfg
    bool named = false;  ///< the words name it
};

Asked read_words(std::vector<std::string> words, const image::Environment& environment) {
    Asked asked;
    std::string directory =
        variable(environment, "ZOOCFGDIR", variable(environment, "ZOO_CONF_DIR", "/conf"));
    if (words.size() >= 2 && words[0] == "--config") {
        directory = words[1];
        words.erase(words.begin(), words.begin() + 2);
    }
    if (!words.empty()) asked.word = words[0];
    asked.named = words.size() > 1;
    const std::string file = asked.named ? words[1] : variable(environment, "ZOOCFG", "zoo.cfg");
    asked.config = file.find('/') == std::string::npos ? directory + "/" + file : file;
    return asked;
}

std::vector<std::string> server_program(const image::Wanted& wanted, const std::string& config) {
    constexpr std::array<std::string_view, 6> kLevels = {
        "trace", "debug", "info", "warn", "error", "off"};
    std::vector<std::string> program{"zkserver"};
    if (wanted.log_level) {
        program.emplace_back("--log-level");
        program.emplace_back(kLevels.at(static_cast<std::size_t>(*wanted.log_level)));
    }
    for (const ensemble::Property& property : wanted.properties) {
        program.push_back(fmt::format("--property={}={}", property.key, property.value));
    }
    program.push_back(config);
    return program;
}

/// The files and the user of a container that is to run a server.
class Preparation {
  public:
    Preparation(const image::Wanted& wanted, const Asked& asked) : wanted_(wanted) {
        file_.path = asked.config;
        file_.named = asked.named;
    }

    Result<> run() {
        ZK_TRY(const std::vector<std::string> mounted, mount_points());
        ZK_TRY(file_.text, read_file(file_.path));
        file_.mounted = std::ranges::find(mounted, without_links(file_.path)) != mounted.end();
        ZK_TRY(image::Settings settings, image::choose_config(wanted_, file_));
        const std::string data_dir = without_links(settings.config.data_dir);
        const std::string log_dir = without_links(settings.config.log_dir());
        ZK_CHECK(image::check_volumes(settings, data_dir, log_dir, mounted));
        const std::string myid = settings.config.data_dir + "/myid";
        ZK_TRY(const std::optional<std::string> present, read_file(myid));
        ZK_TRY(const image::Identity identity, image::choose_id(wanted_, settings, present));
        // What can be refused without trying has been: from here on something is written.
        const std::vector<std::string> written{data_dir, log_dir};
        for (const std::string& dir : written) ZK_CHECK(make_directory(dir));
        if (!is_root()) ZK_CHECK(check_writable(written));
        ZK_CHECK(write(settings));
        if (is_root()) give({data_dir, log_dir, without_links(wanted_.log_dir)});
        if (identity.write) ZK_CHECK(write_id(myid, identity.id));
        if (!is_root()) return ok();
        ZK_CHECK(become_zookeeper());
        return check_writable(written);
    }

  private:
    static Result<> check_writable(const std::vector<std::string>& directories) {
        for (const std::string& directory : directories) {
            ZK_CHECK(zkserver_entry::check_writable(directory));
        }
        return ok();
    }
    /// A file system that has no such rights (or a read-only one, where only logs are) need not be a hindrance: what is
    /// written to is looked at afterwards.
    static void give(const std::vector<std::string>& directories) {
        for (const std::string& directory : directories) {
            const auto given = give_to_zookeeper(directory);
            if (given.has_value()) continue;
            say("zkserver-entry: warning: not given to zookeeper (1000:1000): " +
                given.error().message());
        }
    }
    Result<> write(const image::Settings& settings) const {
        if (!settings.generated || file_.text == settings.text) return ok();
        const auto written = write_file(settings.path, settings.text);
        if (written.has_value()) return ok();
        return written.error().with_context(fmt::format(
            "the zoo.cfg of this environment cannot be written; leave {} out of what is "
            "mounted read-only, or mount a zoo.cfg there",
            std::filesystem::path(settings.path).parent_path().string()));
    }
    static Result<> write_id(const std::string& path, ServerId id) {
        const auto written = write_file(path, to_string(id) + "\n");
        if (written.has_value()) return ok();
        return written.error().with_context("this server's id cannot be written into its volume");
    }

    const image::Wanted& wanted_;
    image::ConfigFile file_;
};

Outcome status(const Asked& asked, bool health) {
    const auto zoo_cfg = read_file(asked.config);
    if (!zoo_cfg.has_value()) return refuse(zoo_cfg.error(), kFailed);
    if (!*zoo_cfg) return refuse({Errc::not_found, asked.config + " is not there"}, kFailed);
    const std::string data_dir = image::data_dir_of(**zoo_cfg).value_or("");
    const auto myid = read_file(data_dir + "/myid");
    const auto found =
        image::find_client_door(**zoo_cfg, myid.has_value() ? *myid : std::optional<std::string>());
    if (!health || !found.door) std::fputs(found.words.c_str(), stdout);
    if (!found.door) return {.code = kFailed};
    const auto answer = client::four_letter(
        image::dialled(found.door->address), found.door->port, "srvr", kAnswerTime);
    if (health) {
        if (!answer.has_value()) {
            std::printf("%s\n", answer.error().message().c_str());
            return {.code = kFailed};
        }
        const image::Health judged = image::judge(*answer);
        std::printf("%s\n", judged.words.c_str());
        return {.code = judged.healthy ? 0 : kFailed};
    }
    const std::string mode = answer.has_value() ? image::mode_line(*answer) : "";
    if (mode.empty()) {
        std::puts("Error contacting service. It is probably not running.");
        return {.code = kFailed};
    }
    std::printf("%s\n", mode.c_str());
    return {};
}

Outcome run_script(const Asked& asked, const image::Wanted& wanted) {
    if (asked.word == "version") return {.program = {"zkserver", "--version"}};
    if (asked.word == "health") return status(asked, true);
    const std::vector<std::string> program = server_program(wanted, asked.config);
    if (asked.word == "print-cmd") {
        std::string line;
        for (const std::string& word : program)
            line += fmt::format("{}\"{}\"", line.empty() ? "" : " ", word);
        std::puts(line.c_str());
        return {};
    }
    say("Using config: " + asked.config);
    if (asked.word == "status") return status(asked, false);
    return {.program = program};
}

/// Nothing: it is one that can be carried out.
std::optional<Outcome> check_word(const Asked& asked) {
    if (std::ranges::find(kWords, asked.word) != kWords.end()) return std::nullopt;
    if (std::ranges::find(kBackground, asked.word) != kBackground.end()) {
        say(fmt::format(
            "zkServer.sh {}: in a container the server is the container's process; from outside: "
            "docker {} NAME",
            asked.word,
            asked.word));
        return Outcome{.code = kFailed};
    }
    std::fputs(std::string(kUsage).c_str(), stderr);
    return Outcome{.code = asked.word.empty() ? 0 : kInvalid};
}

}  // namespace

Outcome server_script(const std::vector<std::string>& words,
                      const image::Environment& environment) {
    const Asked asked = read_words(words, environment);
    if (const auto wrong = check_word(asked)) return *wrong;
    const auto wanted = image::read_environment(environment);
    if (!wanted.has_value()) return refuse(wanted.error(), kInvalid);
    return run_script(asked, *wanted);
}

Outcome entry_point(const std::vector<std::string>& words, const image::Environment& environment) {
    const std::vector<std::string> all =
        words.empty() ? std::vector<std::string>{std::string(kScript), "start-foreground"} : words;
    if (std::filesystem::path(all[0]).filename() != kScript) return {.program = all};
    const Asked asked = read_words({all.begin() + 1, all.end()}, environment);
    if (const auto wrong = check_word(asked)) return *wrong;
    const auto wanted = image::read_environment(environment);
    if (!wanted.has_value()) return refuse(wanted.error(), kInvalid);
    for (const std::string& warning : wanted->warnings) say("zkserver-entry: warning: " + warning);
    if (asked.word == "start-foreground" || asked.word == "status") {
        const auto prepared = Preparation(*wanted, asked).run();
        if (!prepared.has_value()) return refuse(prepared.error(), kInvalid);
    }
    return run_script(asked, *wanted);
}

}  // namespace zk::zkserver_entry

// zkprov: brings up and looks after ZooKeeper ensembles. Words and environment in, phases in
// between, exit code out. Shell. Streams, colours, questions and exit codes: docs/PROVISIONING.md 4.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include <sys/ioctl.h>

#include "agent_api/digest.h"
#include "base/base64.h"
#include "bundle/bundle.h"
#include "cloud_init/cloud_init.h"
#include "command_line/completion.h"
#include "compose/compose.h"
#include "importing/importing.h"
#include "inventory/inventory.h"
#include "inventory/ranges.h"
#include "phases/apache_release.h"
#include "phases/image_archive.h"
#include "phases/links.h"
#include "phases/probe_sessions.h"
#include "phases/release.h"
#include "phases/runner.h"
#include "playbook/playbook.h"
#include "status/report.h"
#include "zkprov/options.h"

namespace zk::zkprov {
namespace {

using phases::Console;
using phases::ExitCode;

std::atomic<bool> interrupted{false};
std::atomic<bool> watching{false};  ///< nothing is changed: Ctrl-C is how it ends

/// Once: stop at the next safe point. Twice: at once; the agents finish what they began.
extern "C" void on_interrupt(int) {
    if (interrupted.exchange(true)) _exit(static_cast<int>(ExitCode::interrupted));
    if (watching) return;
    constexpr char kWords[] = "\nstopping at the next safe point; Ctrl-C again stops now\n";
    (void)!write(STDERR_FILENO, kWords, sizeof kWords - 1);
}

std::string variable(const char* name) {
    const char* const value =
        std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
    return value == nullptr ? "" : value;
}

Environment read_environment() {
    Environment environment;
    environment.inventory = variable("ZKPROV_INVENTORY");
    environment.release_dir = variable("ZKPROV_RELEASE_DIR");
    environment.no_color = !variable("NO_COLOR").empty();
    const std::string force = variable("CLICOLOR_FORCE");
    environment.force_color = !force.empty() && force != "0";
    return environment;
}

std::string ask_person(const std::string& question) {
    std::cerr << question << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer;
}

void write_to(std::FILE* stream, const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
    // `zkprov logs -f | head`: nobody reads what is watched any more.
    if ((std::fflush(stream) != 0 || !written) && stream == stdout && watching) interrupted = true;
}

Console make_console(bool json, Colour colour) {
    const bool person = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
    const bool colours =
        colour == Colour::always || (colour == Colour::automatic && isatty(STDOUT_FILENO) != 0);
    std::function<std::string(const std::string&)> ask;
    if (person) ask = ask_person;
    return Console([](const std::string& text) { write_to(stdout, text); },
                   [](const std::string& text) { write_to(stderr, text); },
                   std::move(ask),
                   json,
                   colours ? status::Colours::yes : status::Colours::no,
                   isatty(STDERR_FILENO) != 0);
}

std::optional<phases::Terminal> terminal_of_stdout() {
    if (isatty(STDOUT_FILENO) == 0) return std::nullopt;
    phases::Terminal terminal;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal.columns = size.ws_col;
        terminal.rows = size.ws_row;
    }
    return terminal;
}

/// The user who runs zkprov: for "~" and for an inventory that names no user.
struct OwnUser {
    std::string name;
    std::string home;
};
OwnUser own_user() {
    OwnUser user;
    user.home = variable("HOME");
    if (const passwd* entry = getpwuid(geteuid())) {  // NOLINT(concurrency-mt-unsafe)
        user.name = entry->pw_name;
        if (user.home.empty()) user.home = entry->pw_dir;
    }
    return user;
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

struct InventoryFile {
    std::string name;
    std::string directory;  ///< absolute
    std::string text;
};

/// As much as an inventory may hold, and one byte more, at which its reader says that it is too
/// large.
Result<std::string> read_text(std::istream& stream, const std::string& name) {
    std::string text(inventory::kYamlBytesMax + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) return Error(Errc::failed, name + ": cannot be read to its end");
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return text;
}

Result<InventoryFile> read_file(const std::string& name) {
    InventoryFile file;
    file.name = name == "-" ? "standard input" : name;
    std::error_code error;
    const auto absolute = std::filesystem::absolute(name == "-" ? "." : name, error);
    if (error) return Error(error, file.name);
    file.directory = (name == "-" ? absolute : absolute.parent_path()).lexically_normal().string();
    if (file.directory.size() > 1 && file.directory.ends_with('/')) file.directory.pop_back();
    if (name == "-") {
        ZK_TRY(file.text, read_text(std::cin, file.name));
        return file;
    }
    if (std::filesystem::is_directory(absolute, error)) {
        return Error(Errc::invalid, name + ": is a directory; name the inventory file in it");
    }
    errno = 0;
    std::ifstream stream(name, std::ios::binary);
    if (!stream) {
        const std::error_code reason(errno, std::generic_category());
        return Error(Errc::not_found,
                     name + ": " + reason.message() +
                         "; name the inventory: zkprov COMMAND FILE, or -i FILE, or "
                         "ZKPROV_INVENTORY");
    }
    ZK_TRY(file.text, read_text(stream, name));
    return file;
}

/// The recipe of --playbook. Errors: several lines, when several things are wrong with it.
Result<playbook::Playbook> read_recipe(const std::string& name) {
    errno = 0;
    std::ifstream stream(name, std::ios::binary);
    if (!stream) {
        const std::error_code reason(errno, std::generic_category());
        return Error(Errc::not_found,
                     name + ": " + reason.message() + "; --playbook names a recipe");
    }
    ZK_TRY(const std::string text, read_text(stream, name));
    return playbook::read_playbook(text, name);
}

ExitCode stop(Console& console, const std::string& command, std::vector<std::string> messages) {
    report_stop(console, command, phases::Stop{ExitCode::invalid, std::move(messages)});
    return ExitCode::invalid;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

ExitCode run_verb(const Options& options,
                  const inventory::Inventory& inventory,
                  const phases::RunSettings& settings,
                  Console& console) {
    switch (options.verb) {
        case Verb::apply:
            return run_apply(inventory, settings, console);
        case Verb::plan:
            return run_plan(inventory,
                            settings,
                            console,
                            options.exit_code ? phases::ChangesCode::yes : phases::ChangesCode::no);
        case Verb::status:
            if (!options.watch) return run_status(inventory, settings, console);
            watching = true;
            return run_watch(inventory, settings, console, {options.interval, terminal_of_stdout});
        case Verb::events:
            return run_events(inventory, settings, console, {options.explain, options.since});
        case Verb::logs:
            watching = true;
            return run_logs(inventory,
                            settings,
                            console,
                            {*options.node,
                             options.of_agent ? agent_api::LogOf::agent : agent_api::LogOf::server,
                             options.lines,
                             options.follow});
        case Verb::ui:
            watching = true;
            return run_ui(inventory, settings, console, {options.node, options.port});
        case Verb::replace_node:
            return run_replace(inventory, settings, console, *options.node);
        case Verb::migrate:
            return run_migrate(inventory, settings, console, {options.dry_run});
        case Verb::start:
            return run_control(inventory, settings, console, agent_api::ControlAction::start);
        case Verb::stop:
            return run_control(inventory, settings, console, agent_api::ControlAction::stop);
        case Verb::wipe:
            return run_wipe(inventory,
                            settings,
                            console,
                            {*options.node,
                             options.confirm,
                             options.accept_quorum_loss ? phases::QuorumLoss::accepted
                                                        : phases::QuorumLoss::refused});
        case Verb::destroy:
            return run_destroy(
                inventory,
                settings,
                console,
                {options.confirm,
                 options.delete_data ? phases::DataFate::deleted : phases::DataFate::kept,
                 options.skip_unreachable ? phases::Unreachable::skipped
                                          : phases::Unreachable::refused,
                 options.dry_run});
        case Verb::lock:
            return options.lock_verb == LockVerb::show
                       ? run_lock_show(inventory, settings, console)
                       : run_lock_break(inventory, settings, console, options.confirm);
        case Verb::import_hosts:
        case Verb::bundle:
        case Verb::cloud_init:
        case Verb::compose:
        case Verb::version:
        case Verb::help:
        case Verb::completion:
            break;
    }
    return ExitCode::invalid;
}

/// The file appears whole or not at all.
Result<> write_file(const std::string& name, const Bytes& content) {
    const std::string part = name + ".part";
    errno = 0;
    std::ofstream stream(part, std::ios::binary | std::ios::trunc);
    stream.write(content.data(), static_cast<std::streamsize>(content.size()));
    stream.close();
    std::error_code error;
    if (!stream) {
        error = std::error_code(errno, std::generic_category());
    } else {
        std::filesystem::rename(part, name, error);
    }
    if (!error) return ok();
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    return Error(Errc::failed, name + " cannot be written: " + error.message());
}

Result<Bytes> bundle_of(const std::string& release_dir) {
    ZK_TRY(const auto release, phases::find_release(release_dir));
    ZK_TRY(const Bytes agent, phases::read_program(release.agent_path));
    return bundle::write_bundle(agent, release.server.content);
}

ExitCode run_bundle(const Options& options, Console& console) {
    const auto content = bundle_of(options.release_dir);
    if (!content) return stop(console, "bundle", {content.error().message()});
    const auto written = write_file(options.bundle_file, *content);
    if (!written) return stop(console, "bundle", {written.error().message()});
    const std::string sha256 = agent_api::sha256_hex(*content);
    console.data(console.json()
                     ? R"({"schema":"zkprov.bundle/1","bytes":)" + std::to_string(content->size()) +
                           R"(,"sha256":")" + sha256 + "\"}\n"
                     : sha256 + "  " + options.bundle_file + "\n");
    return ExitCode::done;
}

Result<cloud_init::Programs> programs_of(const Options& options) {
    if (!options.image.empty()) return cloud_init::InImage{options.image, options.sha256};
    if (!options.url.empty()) return cloud_init::FromUrl{options.url, options.sha256};
    ZK_TRY(Bytes bundle, bundle_of(options.release_dir));
    return cloud_init::Embedded{std::move(bundle)};
}

ExitCode run_cloud_init(const Options& options,
                        const inventory::Inventory& inventory,
                        Console& console) {
    auto programs = programs_of(options);
    if (!programs) return stop(console, "cloud-init", {programs.error().message()});
    const auto text = cloud_init::user_data(
        inventory, {*std::move(programs), options.node, options.phone_home, options.wait});
    if (!text) return stop(console, "cloud-init", {text.error().words});
    // In base64, as the interfaces of clouds take it.
    console.data(console.json() ? R"({"schema":"zkprov.cloud-init/1","bytes":)" +
                                      std::to_string(text->size()) + R"(,"user_data_base64":")" +
                                      encode_base64(*text) + "\"}\n"
                                : *text);
    console.say("user-data of " + std::to_string(text->size()) + " bytes");
    if (text->size() > cloud_init::kEveryCloudBytesMax) {
        console.say("warning: some clouds take no more than " +
                    std::to_string(cloud_init::kEveryCloudBytesMax) + " bytes, such as EC2; " +
                    std::string(options.embed ? "--url and --image need less"
                                              : "a smaller inventory needs less"));
    }
    return ExitCode::done;
}

ExitCode run_compose(const Options& options,
                     const inventory::Inventory& inventory,
                     Console& console) {
    const auto text = compose::compose_file(inventory, options.node);
    if (!text) return stop(console, "compose", {text.error().words});
    console.data(console.json() ? R"({"schema":"zkprov.compose/1","compose_base64":")" +
                                      encode_base64(*text) + "\"}\n"
                                : *text);
    return ExitCode::done;
}

std::string nodes_in_words(const inventory::Inventory& inventory) {
    constexpr std::size_t kNamed = 9;
    std::string words;
    for (std::size_t i = 0; i < inventory.nodes.size() && i < kNamed; ++i) {
        words += (words.empty() ? "" : ", ") + to_string(inventory.nodes[i].id);
    }
    return inventory.nodes.size() > kNamed ? words + " and others" : words;
}

struct ReadInventory {
    InventoryFile file;
    inventory::Inventory inventory;
};

/// Errors: several lines, when several things are wrong with it.
Result<ReadInventory> read_checked(const Options& options, Console& console) {
    ReadInventory read;
    ZK_TRY(read.file, read_file(options.inventory_file));
    inventory::Diagnostics diagnostics(read.file.name);
    auto inventory = read_inventory(read.file.text, read.file.directory, diagnostics);
    if (!inventory) return Error(Errc::invalid, diagnostics.format_all());
    for (const std::string& line : lines_of(diagnostics.format_all())) console.say(line);
    read.inventory = *std::move(inventory);
    if (options.node && read.inventory.find(*options.node) == nullptr) {
        return Error(Errc::invalid,
                     "there is no node " + to_string(*options.node) + " in " + read.file.name +
                         "; it has " + nodes_in_words(read.inventory));
    }
    return read;
}

/// --to is there so that nobody moves an ensemble by a word in a file alone.
Result<> check_target(agent_api::Flavor to, const ReadInventory& read) {
    const bool apache = read.inventory.apache.has_value();
    if (apache == (to == agent_api::Flavor::apache)) return ok();
    const std::string file = read.file.name;
    if (apache) {
        return Error(Errc::invalid,
                     file +
                         ": server.flavor is apache, and --to says zkserver; take flavor: apache "
                         "and what belongs to it (tarball, sha512, java, heap, jvm_flags) out "
                         "of server, or write flavor: zkserver there" +
                         (read.inventory.docker ? ", and zkprov's image as docker.image" : ""));
    }
    const std::string more = read.inventory.docker
                                 ? " under server, and the image of Apache's server as docker.image"
                                 : " and tarball: apache-zookeeper-X-bin.tar.gz under server";
    return Error(Errc::invalid,
                 file +
                     ": server.flavor is zkserver (which it is when nothing is written), and --to "
                     "says apache; write flavor: apache" +
                     more);
}

phases::RunSettings run_settings(const Options& options,
                                 const inventory::Inventory& inventory,
                                 const phases::Release& release,
                                 const std::string& directory,
                                 Console& console) {
    const OwnUser user = own_user();
    phases::LinkSettings links;
    links.agent_path = release.agent_path;
    links.working_dir = directory;
    links.home = user.home;
    links.user = user.name;
    links.accept_new_host_keys = options.accept_new_host_keys;
    if (options.verb == Verb::replace_node) links.replaced = options.node;
    links.connect_timeout = options.connect_timeout;
    links.ssh_client = options.ssh_client;
    links.say = [&console](const std::string& line) { console.say(line); };

    phases::RunSettings settings;
    settings.open_link = link_opener(inventory, links);
    settings.release = &release;
    settings.version = ZK_VERSION;
    settings.machine = ZK_MACHINE;
    if (options.timeout) settings.deadline = phases::deadline_in(*options.timeout);
    settings.lock_timeout = options.lock_timeout;
    settings.person.user = user.name;
    settings.person.host = host_name();
    settings.person.pid = getpid();
    settings.yes = options.yes;
    settings.adopt = options.adopt;
    settings.take_over = options.take_over;
    settings.stats = options.stats;
    settings.verbose = options.verbose;
    settings.interrupted = &interrupted;
    return settings;
}

/// The commands that need an inventory, and most of them a release to take the agent from.
ExitCode run_with_inventory(const Options& options, const std::string& command, Console& console) {
    const auto checked = read_checked(options, console);
    if (!checked) return stop(console, command, lines_of(checked.error().message()));
    const inventory::Inventory& inventory = checked->inventory;
    if (options.verb == Verb::migrate) {
        const auto agreed = check_target(options.to, *checked);
        if (!agreed) return stop(console, command, {agreed.error().words});
    }
    if (options.verb == Verb::cloud_init) return run_cloud_init(options, inventory, console);
    if (options.verb == Verb::compose) return run_compose(options, inventory, console);
    std::optional<playbook::Playbook> recipe;
    if (!options.playbook_file.empty()) {
        auto read = read_recipe(options.playbook_file);
        if (!read) return stop(console, command, lines_of(read.error().words));
        recipe = *std::move(read);
    }
    auto release = phases::find_release(options.release_dir);
    if (!release) return stop(console, command, {release.error().message()});
    const bool installs = options.verb == Verb::apply || options.verb == Verb::plan ||
                          options.verb == Verb::replace_node || options.verb == Verb::migrate;
    if (installs && inventory.docker) {
        const auto taken = phases::take_image_archive(*inventory.docker, *release);
        if (!taken) return stop(console, command, {taken.error().message()});
    } else if (installs && inventory.apache) {
        const auto taken = phases::take_apache_release(*inventory.apache, *release);
        if (!taken) return stop(console, command, {taken.error().message()});
    }

    auto settings = run_settings(options, inventory, *release, checked->file.directory, console);
    settings.playbook = recipe;
    settings.begin_probes = phases::begin_probe_sessions;
    return run_verb(options, inventory, settings, console);
}

/// The hosts of a command line, as an inventory has them. Its own reader says what is wrong with them.
Result<inventory::Inventory> hosts_of(const Options& options, const std::string& directory) {
    const auto quoted = [](const std::string& text) {
        std::string words = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') words += '\\';
            if (c >= ' ') words += c;
        }
        return words + "\"";
    };
    std::string text = "schema: zkprov/1\ncluster: import\nssh:\n";
    if (!options.user.empty()) text += "  user: " + quoted(options.user) + "\n";
    if (options.ssh_port) text += "  port: " + std::to_string(*options.ssh_port) + "\n";
    for (const std::string& key : options.keys) {
        if (&key == &options.keys.front()) text += "  keys:\n";
        text += "    - " + quoted(key) + "\n";
    }
    if (!options.known_hosts.empty())
        text += "  known_hosts: " + quoted(options.known_hosts) + "\n";
    if (!options.jump.empty()) text += "  jump: " + quoted(options.jump) + "\n";
    if (!options.ssh_config.empty()) text += "  config: " + quoted(options.ssh_config) + "\n";
    text += "nodes:\n";
    std::size_t id = 0;
    for (const std::string& words : options.hosts) {
        ZK_TRY(const auto hosts, inventory::expand_hosts(words));
        for (const std::string& host : hosts) {
            text += "  - { id: " + std::to_string(++id) + ", host: " + quoted(host) + " }\n";
        }
    }
    inventory::Diagnostics diagnostics("import");
    auto read = inventory::read_inventory(text, directory, diagnostics);
    if (!read) return Error(Errc::invalid, diagnostics.format_all());
    for (inventory::Node& node : read->nodes) node.id = ServerId();  // nobody knows it yet
    return *std::move(read);
}

ExitCode run_import_command(const Options& options, Console& console) {
    const std::string directory = std::filesystem::current_path().string();
    auto hosts = hosts_of(options, directory);
    if (!hosts) return stop(console, "import", lines_of(hosts.error().words));
    auto release = phases::find_release(options.release_dir);
    if (!release) return stop(console, "import", {release.error().message()});
    importing::ImportSettings settings;
    settings.cluster = options.cluster;
    settings.tarball = options.tarball;
    settings.engine = options.engine;
    settings.containers = options.containers;
    settings.ssh = hosts->nodes.front().ssh;
    settings.ssh.client = options.ssh_client.value_or(settings.ssh.client);
    return run_import(
        *hosts, run_settings(options, *hosts, *release, directory, console), console, settings);
}

ExitCode run(const std::vector<std::string>& words) {
    const auto options = parse_options(words, read_environment());
    if (!options) {
        Console console = make_console(wants_json(words), Colour::never);
        return stop(console, command_word(words), {options.error().words});
    }
    Console console = make_console(options->output == Output::json, options->colour);
    if (options->verb == Verb::version) {
        console.data(options->output == Output::json
                         ? "{\"schema\":\"zkprov.version/1\",\"version\":\"" ZK_VERSION "\"}\n"
                         : "zkprov " ZK_VERSION "\n");
        return ExitCode::done;
    }
    if (options->verb == Verb::help) {
        const auto text = help_text(options->help_topic);
        if (!text) return stop(console, "help", {text.error().words});
        console.data(*text);
        return ExitCode::done;
    }
    if (options->verb == Verb::completion) {
        console.data(command_line::completion(program(), options->shell));
        return ExitCode::done;
    }
    if (options->verb == Verb::bundle) return run_bundle(*options, console);
    if (options->verb == Verb::import_hosts) return run_import_command(*options, console);
    return run_with_inventory(*options, std::string(to_string(options->verb)), console);
}

}  // namespace
}  // namespace zk::zkprov

int main(int argc, char** argv) {
    struct sigaction action {};
    action.sa_handler = zk::zkprov::on_interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGCHLD, SIG_DFL);  // ignored by a parent, it would hide how a hook ended
    const std::vector<std::string> words(argv + 1, argv + argc);
    return static_cast<int>(zk::zkprov::run(words));
}

#include "agent_host/removal.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <unistd.h>

#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_host/accounts.h"
#include "agent_host/clean_up.h"
#include "agent_host/containers.h"
#include "agent_host/host_facts.h"
#include "agent_host/leaving.h"
#include "agent_host/node_control.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "agent_host/removal_data.h"
#include "agent_host/systemd.h"
#include "data_users/data_users.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::FileKind;
using agent_api::FileSpec;
using agent_api::from_agent_error;
using agent_api::Manager;
using agent_api::NodeSpec;
using agent_api::RemovalReport;
using agent_api::RemovalRequest;
using agent_api::RemovalStage;

/// In the first line of every file that an apply writes anew whatever was changed there.
constexpr std::string_view kWrittenMark = "Written by zkprov ";
constexpr const char* kStagedBeside = ".zkprov-new";
constexpr const char* kTheirs =
    ".before-zkprov";  // as NodeExecutor keeps the unit of a server that it took over
constexpr auto kAgentEndPatience = std::chrono::seconds(5);

/// The specification of a node whose record was removed while its data stayed, from where the inventory says that they are.
/// The directory may be another user's: only what this agent's own user wrote there counts.
std::optional<NodeSpec> left_spec(const RemovalRequest& request) {
    const std::string path = request.data_dir + "/" + std::string(agent_api::kLeftDataFile);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    if (status.st_uid != ::geteuid() || (status.st_mode & 0022) != 0) return std::nullopt;
    const auto text = read_file(path);
    if (!text.has_value()) return std::nullopt;
    auto spec = agent_api::parse_node_spec(*text);
    if (!spec.has_value() || !agent_api::validate(*spec).has_value()) return std::nullopt;
    return *std::move(spec);
}

class Removal {
  public:
    Removal(const NodeSpec& spec,
            const StateDir& state,
            const RemovalRequest& request,
            const RemovalTools& tools)
        : spec_(spec), state_(state), request_(request), tools_(tools), control_(spec, state) {}

    /// Why nothing may begin.
    Result<> check() {
        outside_ = control_.outside();
        if (!request_.delete_data) return ok();
        ZK_TRY(const std::string user, user_of_data());
        if (user.empty()) return ok();
        return from_agent_error({AgentErrc::unsafe,
                                 user + ", and zkprov did not start it; stop it first, or leave "
                                        "the data (without --delete-data)"});
    }
    /// All but the record; where the stage is `look` only says so.
    Result<> remove();
    /// Of a node that is gone already but for its data.
    Result<> remove_what_was_left() {
        ZK_CHECK(remove_data());
        remove_directories();
        return ok();
    }
    Result<> stop_server();
    RemovalReport report;

  private:
    using Act = std::function<Result<>()>;
    enum class Whose { nobody, ours, theirs };

    [[nodiscard]] bool looks() const { return request_.stage == RemovalStage::look; }
    /// The one gate through which everything goes.
    Result<> take(const std::string& what, const Act& act) {
        if (!looks()) ZK_CHECK(act());
        report.removed.push_back(what);
        return ok();
    }
    void keep(const std::string& what, const std::string& why) {
        report.kept.push_back({what, why});
    }

    [[nodiscard]] std::int64_t own_server() const;
    [[nodiscard]] Result<std::string> user_of_data() const;
    [[nodiscard]] static Whose whose(const FileSpec& file);
    [[nodiscard]] bool owns_unit(const std::string& unit) const;
    Result<> end_agent();
    Result<> remove_units();
    Result<> remove_containers();
    Result<> remove_files();
    Result<> remove_programs();
    Result<> remove_data();
    void keep_data(const std::string& why);
    Result<> leave_word();
    void remove_directories();
    Result<> remove_account();

    const NodeSpec& spec_;
    const StateDir& state_;
    const RemovalRequest& request_;
    const RemovalTools& tools_;
    NodeControl control_;
    std::optional<agent_api::OutsideServer> outside_;
};

Removal::Whose Removal::whose(const FileSpec& file) {
    const auto text = read_file(file.path);
    if (!text.has_value()) return is_not_found(text.error()) ? Whose::nobody : Whose::theirs;
    const bool ours = *text == file.content || text->find(kWrittenMark) != std::string::npos;
    return ours ? Whose::ours : Whose::theirs;
}

/// A unit of that name may have been there before zkprov, or be there again.
bool Removal::owns_unit(const std::string& unit) const {
    return std::any_of(spec_.files.begin(), spec_.files.end(), [&](const FileSpec& file) {
        return file.kind == FileKind::unit && file.path.ends_with("/" + unit) &&
               whose(file) == Whose::ours;
    });
}

/// The process that stop_server() ends; 0: there is none.
std::int64_t Removal::own_server() const {
    if (!report.installed || spec_.manager == Manager::docker) return 0;
    const bool ours = spec_.manager == Manager::supervised || owns_unit(spec_.server_unit);
    return ours && !outside_ ? control_.server_pid() : 0;
}

/// Who uses the data and is not stopped here, as the begin of a sentence; empty: nobody. A unit of our name may run a server
/// that its administrator started, so the processes themselves are asked.
Result<std::string> Removal::user_of_data() const {
    if (outside_) return words_of(*outside_) + " serves from " + spec_.data_dir;
    if (spec_.container) {
        ZK_TRY(const std::string container, other_user_of_data(*spec_.container));
        // What runs in containers has paths of its own.
        return container.empty() ? container
                                 : "the container " + container + " uses " + spec_.data_dir;
    }
    ZK_TRY(const auto users, data_users::find_users({spec_.data_dir, spec_.log_dir}));
    const std::int64_t server = own_server();
    const std::int64_t agent = control_.agent_pid();
    for (const data_users::Use& use : users) {
        if (use.pid == server || use.pid == agent) continue;
        return "process " + std::to_string(use.pid) + " " + use.why;
    }
    return std::string();
}

Result<> Removal::stop_server() {
    if (spec_.manager == Manager::docker) {
        ZK_TRY(const auto names, own_containers(*spec_.container));
        const bool there =
            std::find(names.begin(), names.end(), spec_.container->name) != names.end();
        return there ? stop_node_container(*spec_.container) : ok();
    }
    if (spec_.manager == Manager::supervised) return control_.stop();
    // A server outside of our unit is ended by whoever started it.
    return owns_unit(spec_.server_unit) ? tools_.stop(spec_.server_unit) : ok();
}

Result<> Removal::end_agent() {
    if (spec_.agent_is_unit()) {
        return owns_unit(spec_.agent_unit) ? tools_.stop(spec_.agent_unit) : ok();
    }
    const auto agent = read_pid_file(state_.agent_pid_file());
    return agent ? end_process(*agent, kAgentEndPatience) : ok();
}

Result<> Removal::remove() {
    if (outside_) {
        keep(words_of(*outside_), "zkprov did not start it; it goes on, and so do its files");
    }
    if (!looks()) {
        ZK_CHECK(stop_server());
        ZK_CHECK(end_agent());
    }
    ZK_CHECK(remove_units());
    ZK_CHECK(remove_containers());
    ZK_CHECK(remove_files());
    ZK_CHECK(remove_programs());
    ZK_CHECK(remove_data());
    remove_directories();
    return remove_account();
}

Result<> Removal::remove_units() {
    if (!spec_.agent_is_unit()) return ok();
    for (const std::string& unit : {spec_.server_unit, spec_.agent_unit}) {
        if (!owns_unit(unit)) continue;
        ZK_CHECK(take("the unit " + unit, [&] { return tools_.disable(unit); }));
    }
    for (const FileSpec& file : spec_.files) {
        if (file.kind != FileKind::unit) continue;
        if (!looks()) ::unlink((file.path + kStagedBeside).c_str());
        const Whose owner = whose(file);
        if (owner == Whose::theirs) keep(file.path, "zkprov did not write it");
        if (owner == Whose::ours) {
            ZK_CHECK(take(file.path, [&] { return remove_durably(file.path); }));
        }
        const std::string theirs = file.path + kTheirs;
        if (!looks() && exists(theirs) && !exists(file.path)) {
            ZK_CHECK(rename_durably(theirs, file.path));
        }
        if (exists(file.path) && owner != Whose::theirs && !looks()) {
            keep(file.path, "it was there before zkprov and is back, not enabled");
        }
        const std::string directory = parent_of(file.path);
        if (looks() || !directory.ends_with(".d") || !exists(directory)) continue;
        if (::rmdir(directory.c_str()) != 0) keep(directory, "it holds drop-ins that are not ours");
    }
    return looks() ? ok() : tools_.reload();
}

Result<> Removal::remove_containers() {
    if (!spec_.container) return ok();
    const auto& container = *spec_.container;
    ZK_TRY(const auto names, own_containers(container));
    for (const std::string& name : names) {
        ZK_CHECK(
            take("the container " + name, [&] { return remove_own_container(container, name); }));
    }
    if (looks()) {
        ZK_TRY(const bool network, has_own_network(container));
        if (network) report.removed.push_back("the network " + container.network.name);
    }
    const auto facts = container_facts(container, state_);
    if (facts.exists && !facts.ours)
        keep("the container " + container.name, "it is " + facts.holder);
    if (!facts.image_id.empty()) keep("the image " + container.image, "others may use it");
    return ok();
}

Result<> Removal::remove_files() {
    for (const FileSpec& file : spec_.files) {
        const bool stored =
            lies_inside(file.path, spec_.data_dir) || lies_inside(file.path, spec_.log_dir);
        if (file.kind == FileKind::unit || (stored && file.path != spec_.conf_path)) continue;
        if (!looks()) ::unlink((file.path + kStagedBeside).c_str());
        const Whose owner = whose(file);
        if (owner == Whose::nobody) continue;
        if (owner == Whose::theirs) {
            keep(file.path, "zkprov did not write what is in it");
            continue;
        }
        ZK_CHECK(take(file.path, [&] { return remove_durably(file.path); }));
    }
    return ok();
}

Result<> Removal::remove_programs() {
    const std::string current = spec_.install_dir + "/current";
    std::error_code code;
    if (std::filesystem::is_symlink(current, code)) {
        ZK_CHECK(take(current, [&] { return remove_durably(current); }));
    }
    for (const std::string& release : releases_in(spec_.install_dir)) {
        ZK_CHECK(take(release, [&]() -> Result<> {
            if (remove_release(release)) return ok();
            return Error(Errc::failed, "cannot remove " + release);
        }));
    }
    if (!spec_.agent_is_unit()) return ok();
    const std::string agent = spec_.resident_agent_path();
    if (!looks()) ::unlink((agent + kStagedBeside).c_str());
    if (!exists(agent)) return ok();
    return take(agent, [&] { return remove_durably(agent); });
}

void Removal::keep_data(const std::string& why) {
    for (const std::string& place : data_places(spec_)) keep(place, why);
}

Result<> Removal::remove_data() {
    for (const std::string& copy : copies_of_data(spec_))
        keep(copy, "a copy of data, or data that were moved away");
    const std::string not_its = why_not_its_data(spec_);
    if (!not_its.empty()) {
        keep_data("not taken for this node's data: " + not_its);
        return ok();
    }
    if (!request_.delete_data) {
        keep_data("the server's data and logs");
        return outside_ || looks() ? ok() : leave_word();
    }
    const std::string stranger = stranger_in_data(spec_);
    if (!stranger.empty()) {
        keep_data("zkprov does not know " + stranger + ", so nothing there is deleted");
        return looks() ? ok() : leave_word();
    }
    if (looks()) {
        for (const std::string& place : data_places(spec_)) report.removed.push_back(place);
        return ok();
    }
    // What was stopped may have been started again since.
    ZK_TRY(const std::string user, user_of_data());
    if (!user.empty()) {
        return from_agent_error({AgentErrc::unsafe, user + "; the data are left"});
    }
    ZK_TRY(const auto gone, delete_data(spec_));
    report.removed.insert(report.removed.end(), gone.begin(), gone.end());
    keep_data("empty; a mount point, or a link");
    return ok();
}

/// So that a later run may delete them by what was installed, and not by what an inventory says then.
Result<> Removal::leave_word() {
    if (!exists(spec_.data_dir)) return ok();
    return replace_file(spec_.data_dir + "/" + std::string(agent_api::kLeftDataFile),
                        to_json(spec_) + "\n",
                        FileOptions());
}

/// Of what an apply makes only what is empty by now.
void Removal::remove_directories() {
    if (looks()) return;
    const std::vector<std::string> data = data_places(spec_);
    // Not every specification names that of the agent's program; it is made with the file.
    std::vector<std::string> made = {spec_.install_dir + "/releases",
                                     parent_of(spec_.conf_path),
                                     parent_of(spec_.resident_agent_path())};
    for (const auto& directory : spec_.directories) made.push_back(directory.path);
    std::sort(made.begin(), made.end(), [](const std::string& one, const std::string& other) {
        return one.size() > other.size();
    });
    for (const std::string& path : made) {
        if (std::find(data.begin(), data.end(), path) != data.end()) continue;
        if (!lies_inside(path, spec_.install_dir)) continue;
        if (::rmdir(path.c_str()) == 0) report.removed.push_back(path);
    }
    std::error_code code;
    for (std::filesystem::directory_iterator at(spec_.install_dir, code), end; !code && at != end;
         at.increment(code)) {
        const std::string path = at->path().string();
        const auto leads_to = [&](const std::string& place) { return lies_inside(place, path); };
        const bool known = leads_to(state_.path()) || leads_to(spec_.data_dir) ||
                           leads_to(spec_.log_dir) ||
                           std::find(data.begin(), data.end(), path) != data.end();
        if (!known) keep(path, "zkprov did not make it, or what is in it");
    }
}

Result<> Removal::remove_account() {
    const auto made = state_.made_account();
    if (spec_.user.empty()) return ok();
    if (!made || made->user.empty()) {
        if (user_id(spec_.user)) {
            keep("the account " + spec_.user, "zkprov did not make it, or does not know");
        }
        return ok();
    }
    const auto uid = user_id(made->user);
    if (uid && *uid != made->uid) {
        keep("the account " + made->user, "it is another one than zkprov made");
        return ok();
    }
    if (uid && looks()) return take("the account " + made->user, [] { return ok(); });
    if (uid) {
        const auto ended = tools_.run({"userdel", made->user});
        if (!ended.has_value()) {
            keep("the account " + made->user, "something else uses it: " + ended.error().message());
            return ok();
        }
        report.removed.push_back("the account " + made->user);
    }
    if (looks()) return ok();
    // userdel may have taken the group along; one that others have as theirs stays.
    if (!made->group.empty() && group_id(made->group)) {
        (void)tools_.run({"groupdel", made->group});
    }
    // Whoever gets that number next must not own them.
    return give_data_to_root(spec_, made->uid);
}

/// Directories that only the last of the node leaves empty.
void remove_around(const StateDir& state, const RemovalRequest& request) {
    ::rmdir(request.install_dir.c_str());
    // Of the transport local: base_dir. Of containers that are reached over SSH: docker.directory, where the state of
    // each is elsewhere, and called after it.
    const std::string sid = to_string(request.sid);
    const bool local = parent_of(state.path()) == request.install_dir;
    const bool contained = state.path().ends_with("/" + request.cluster + "-" + sid) &&
                           request.install_dir.ends_with("/zk" + sid);
    if (local || contained) ::rmdir(parent_of(request.install_dir).c_str());
}

Result<> leave(const StateDir& state,
               const std::optional<NodeSpec>& spec,
               const RemovalRequest& request,
               RemovalReport& report) {
    if (spec && spec->container) {
        ZK_TRY(const bool network, has_own_network(*spec->container));
        const std::string words = "the network " + spec->container->network.name;
        const auto gone = network ? remove_own_network(*spec->container) : ok();
        if (network && gone.has_value()) report.removed.push_back(words);
        if (!gone.has_value()) report.kept.push_back({words, gone.error().message()});
    }
    ZK_CHECK(remove_first_boot(request.cluster, report.removed));
    ZK_CHECK(remove_state(state, report.kept));
    remove_around(state, request);
    if (!request.own_program) return ok();
    std::string program = own_program();
    // As the kernel calls one that another session has replaced, or removed.
    constexpr std::string_view kDeleted = " (deleted)";
    if (program.ends_with(kDeleted)) program.resize(program.size() - kDeleted.size());
    if (remove_program(program)) report.removed.push_back(program);
    return ok();
}

}  // namespace

Result<RemovalReport> remove_node(const StateDir& state,
                                  const RemovalRequest& request,
                                  const RemovalTools& tools) {
    RemovalReport report;
    ZK_TRY(auto spec, state.load_spec());
    ZK_TRY(const auto identity, state.load_identity());
    report.installed = spec.has_value();
    std::optional<agent_api::AgentError> wrong;
    if (!spec && identity) wrong = check_removal(request, *identity);
    if (!spec) spec = left_spec(request);
    if (!wrong && spec) wrong = check_removal(request, *spec);
    if (wrong) return from_agent_error(*wrong);
    if (request.stage == RemovalStage::leave) {
        ZK_CHECK(leave(state, spec, request, report));
        return report;
    }
    if (request.stage == RemovalStage::look) report.removed = first_boot_files(request.cluster);
    // It would start the server again.
    if (request.stage == RemovalStage::stop) ZK_CHECK(stop_first_boot(request.cluster));
    if (!spec) return report;
    Removal removal(*spec, state, request, tools);
    removal.report = report;
    ZK_CHECK(removal.check());
    if (!report.installed) {
        if (request.stage != RemovalStage::stop) ZK_CHECK(removal.remove_what_was_left());
    } else if (request.stage == RemovalStage::stop) {
        ZK_CHECK(removal.stop_server());
    } else {
        ZK_CHECK(removal.remove());
    }
    return removal.report;
}

}  // namespace zk::agent_host

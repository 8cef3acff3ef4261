#include "agent_host/node_executor.h"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_host/accounts.h"
#include "agent_host/agent_error.h"
#include "agent_host/apache_release.h"
#include "agent_host/containers.h"
#include "agent_host/data_copy.h"
#include "agent_host/data_owner.h"
#include "agent_host/host_facts.h"
#include "agent_host/node_control.h"
#include "agent_host/posix.h"
#include "agent_host/systemd.h"
#include "base/check.h"
#include "base/numbers.h"
#include "clocks/clocks.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::StepState;
using node_plan::StepKind;

constexpr const char* kAside = ".zkprov-new";
constexpr const char* kBeforeZkprov = ".before-zkprov";  ///< what had the place of a file of ours

const agent_api::FileSpec* find_file(const agent_api::NodeSpec& spec, const std::string& path) {
    for (const auto& file : spec.files) {
        if (file.path == path) return &file;
    }
    return nullptr;
}
const agent_api::DirectorySpec* find_directory(const agent_api::NodeSpec& spec,
                                               const std::string& path) {
    for (const auto& directory : spec.directories) {
        if (directory.path == path) return &directory;
    }
    return nullptr;
}

Result<FileOptions> options_of(const std::string& owner, std::uint32_t mode) {
    ZK_TRY(const Owner ids, resolve_owner(owner));
    FileOptions options;
    options.mode = mode;
    options.uid = ids.uid;
    options.gid = ids.gid;
    return options;
}

}  // namespace

agent_api::ApplyDone NodeExecutor::run(const node_plan::NodePlan& plan) {
    agent_api::ApplyDone result;
    result.restarts_server = plan.restarts_server;
    result.starts_server = plan.starts_server;
    std::vector<JournalStep> journal_steps;
    for (const Step& step : plan.steps) {
        result.steps.push_back({std::string(to_string(step.kind)), step.words(), false});
        JournalStep entry;
        entry.step = to_string(step.kind);
        entry.target = step.target;
        journal_steps.push_back(std::move(entry));
    }
    if (plan.steps.empty()) return result;

    const auto stop = [&](const Error& error) {
        result.error = to_agent_error(error);
        return result;
    };
    if (auto ready = prepare(plan); !ready.has_value()) return stop(ready.error());
    for (const Step& step : plan.steps) {
        at_point("stage " + std::string(to_string(step.kind)) + " " + step.target);
        auto staged = stage(step);
        if (staged.has_value()) continue;
        take_back();
        tell(step, StepState::failed, staged.error().message());
        return stop(staged.error());
    }
    auto journal = Journal::begin(state_.journal_file(), agent_api::hash_of(spec_), journal_steps);
    if (!journal.has_value()) {
        take_back();
        return stop(journal.error());
    }
    Result<> saved = save_way_back();
    if (saved.has_value()) saved = state_.save_spec(spec_);
    if (!saved.has_value()) {
        take_back();
        return stop(saved.error());
    }
    result.changed = true;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const Step& step = plan.steps[i];
        tell(step, StepState::begun, "");
        Result<> done = journal->doing(i, pid_to_replace(step));
        at_point("commit " + std::string(to_string(step.kind)) + " " + step.target);
        if (done.has_value() && step.kind == StepKind::copy_data) {
            const auto copied = copy_data();
            if (copied.has_value()) result.steps[i].words += "; " + *copied;
            done = copied.has_value() ? ok() : Result<>(copied.error());
        } else if (done.has_value()) {
            done = commit(step);
        }
        at_point("committed " + std::string(to_string(step.kind)) + " " + step.target);
        if (done.has_value()) done = journal->done(i);
        if (!done.has_value()) {
            tell(step, StepState::failed, done.error().message());
            result.error = to_agent_error(done.error());
            result.error->words += go_on_as_before(*journal, step);
            return result;
        }
        result.steps[i].done = true;
        tell(step, StepState::done, "");
    }
    if (auto ended = journal->end(); !ended.has_value()) return stop(ended.error());
    // Kept until now, so that a run that was cut short needs no second transfer.
    ::unlink(state_.blob_file(spec_.release.sha256).c_str());
    return result;
}

Result<> NodeExecutor::save_way_back() {
    ZK_TRY(applied_, state_.load_spec());
    if (!applied_ || applied_->release.flavor == spec_.release.flavor) return ok();
    return state_.save_before(*applied_);
}

Result<std::string> NodeExecutor::copy_data() {
    ZK_TRY(const DataCopy copy,
           agent_host::copy_data(spec_.data_dir, spec_.log_dir, spec_.release.flavor));
    std::string words;
    for (const std::string& directory : copy.directories) {
        words += (words.empty() ? "" : " and ") + directory;
    }
    return words + " (" + mebibytes(copy.size.copied) + " copied, " + mebibytes(copy.size.linked) +
           " shared by hard links)";
}

std::string NodeExecutor::bring_back_outside() {
    const Step start{StepKind::start_server, words_of(*facts_.outside), "it serves again"};
    tell(start, StepState::begun, "");
    Result<> back = ok();
    const std::string kept = spec_.conf_path + kBeforeZkprov;
    if (exists(kept)) back = rename_durably(kept, spec_.conf_path);
    if (back.has_value()) back = NodeControl(spec_, state_).bring_back_outside(*facts_.outside);
    const std::string words = words_of(*facts_.outside);
    if (back.has_value()) {
        tell(start, StepState::done, "");
        return "; " + words + " serves again";
    }
    tell(start, StepState::failed, back.error().message());
    return "; and " + words + " is down: " + back.error().message();
}

std::string NodeExecutor::go_on_as_before(Journal& journal, const Step& failed) {
    if (ends_outside_) return bring_back_outside();
    if (failed.kind != StepKind::stop_server && failed.kind != StepKind::copy_data) return {};
    take_back();
    if (!applied_) return {};
    // Should one of these fail, the next apply finds out what is missing.
    if (!state_.save_spec(*applied_).has_value() || !journal.end().has_value()) return {};
    Step start{StepKind::start_server, spec_.server_unit, "nothing was changed"};
    tell(start, StepState::begun, "");
    const auto started = NodeControl(*applied_, state_).start_server();
    tell(start,
         started.has_value() ? StepState::done : StepState::failed,
         started.has_value() ? "" : started.error().message());
    return {};
}

Result<> NodeExecutor::prepare(const node_plan::NodePlan& plan) {
    const bool installs = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return step.kind == StepKind::install_release;
    });
    const bool apache = spec_.release.flavor == agent_api::Flavor::apache;
    // Of a tarball only what it held is there.
    const bool there = !apache && facts_.release_sha256 == spec_.release.sha256;
    if (installs && !there && !exists(state_.blob_file(spec_.release.sha256))) {
        return agent_api::from_agent_error(
            {AgentErrc::not_found,
             "release " + spec_.release.version +
                 " was not sent to this host; send it before the apply"});
    }
    return remove_leftovers();
}

/// What an interrupted run staged and did not put in place.
Result<> NodeExecutor::remove_leftovers() {
    ZK_TRY(const JournalState before, read_journal(state_.journal_file()));
    if (!before.interrupted) return ok();
    for (const JournalStep& step : before.steps) {
        if (!step.target.starts_with('/')) continue;
        const std::string aside = step.target + kAside;
        if (::unlink(aside.c_str()) == 0 || step.step != to_string(StepKind::install_release)) {
            continue;
        }
        if (is_begun_apache_release(aside)) {
            remove_tree(aside);
            continue;
        }
        ::unlink((aside + "/bin/zkserver").c_str());
        ::rmdir((aside + "/bin").c_str());
        ::rmdir(aside.c_str());
    }
    return ok();
}

Result<> NodeExecutor::stage(const Step& step) {
    switch (step.kind) {
        case StepKind::make_user:
            return stage_user();
        case StepKind::make_directory:
            return stage_directory(step.target);
        case StepKind::install_release:
            return stage_release();
        case StepKind::write_file:
            return stage_file(step.target);
        case StepKind::install_agent:
            return stage_copy("/proc/self/exe", step.target + kAside);
        case StepKind::load_image:
            // An image is nothing that runs: it is not taken back.
            return load_container_image(*spec_.container, state_);
        default:
            return ok();
    }
}

Result<> NodeExecutor::stage_user() {
    const std::string group = spec_.group.empty() ? spec_.user : spec_.group;
    if (!group_id(group)) {
        ZK_TRY(const std::string output, run_checked({"groupadd", "--system", group}));
        made_group_ = true;
    }
    if (!user_id(spec_.user)) {
        ZK_TRY(const std::string output,
               run_checked({"useradd",
                            "--system",
                            "--gid",
                            group,
                            "--home-dir",
                            spec_.data_dir,
                            "--no-create-home",
                            "--shell",
                            "/usr/sbin/nologin",
                            spec_.user}));
        made_user_ = true;
    }
    if (!made_user_ && !made_group_) return ok();
    account_before_ = state_.made_account();
    MadeAccount made = account_before_.value_or(MadeAccount());
    if (made_user_) made.user = spec_.user;
    if (made_user_ || !account_before_) made.uid = user_id(spec_.user).value_or(0);
    if (made_group_) made.group = group;
    return state_.save_made_account(made);
}

Result<> NodeExecutor::stage_directory(const std::string& path) {
    const auto* directory = find_directory(spec_, path);
    ZK_ASSERT(directory != nullptr);
    if (exists(path)) return ok();
    ZK_CHECK(make_directories(path, directory->mode, made_directories_));
    return commit_directory(path);
}

Result<> NodeExecutor::stage_tarball() {
    const std::string staged = spec_.release_dir() + kAside;
    ZK_CHECK(make_directories(parent_of(staged), 0755, made_directories_));
    staged_trees_.push_back(staged);
    return stage_apache_release(
        state_.blob_file(spec_.release.sha256), spec_.release.sha256, staged);
}

Result<> NodeExecutor::stage_release() {
    if (spec_.release.flavor == agent_api::Flavor::apache) return stage_tarball();
    const std::string staged = spec_.release_dir() + kAside;
    ZK_CHECK(make_directories(staged + "/bin", 0755, made_directories_));
    const std::string blob = state_.blob_file(spec_.release.sha256);
    ZK_CHECK(stage_copy(exists(blob) ? blob : spec_.server_path(), staged + "/bin/zkserver"));
    ZK_TRY(const std::string digest, sha256_of_file(staged + "/bin/zkserver"));
    if (digest != spec_.release.sha256) {
        return Error(Errc::corrupt, "the server program was damaged on its way to " + staged);
    }
    return ok();
}

Result<> NodeExecutor::stage_copy(const std::string& from, const std::string& to) {
    ZK_CHECK(make_directories(parent_of(to), 0755, made_directories_));
    FileOptions options;
    options.mode = 0755;
    staged_files_.push_back(to);
    return copy_file(from, to, options);
}

Result<> NodeExecutor::stage_file(const std::string& path) {
    const auto* file = find_file(spec_, path);
    ZK_ASSERT(file != nullptr);
    ZK_CHECK(make_directories(parent_of(path), 0755, made_directories_));
    ZK_TRY(const FileOptions options, options_of(file->owner, file->mode));
    staged_files_.push_back(path + kAside);
    return write_new_file(path + kAside, file->content, options);
}

void NodeExecutor::take_back() {
    if (made_user_ || made_group_) {
        // Best effort, as all here: without the record the account stays.
        if (!account_before_ || !state_.save_made_account(*account_before_).has_value()) {
            state_.forget_made_account();
        }
    }
    for (const std::string& path : staged_files_) ::unlink(path.c_str());
    for (const std::string& path : staged_trees_) remove_tree(path);
    for (auto path = made_directories_.rbegin(); path != made_directories_.rend(); ++path) {
        ::rmdir(path->c_str());
    }
    if (made_user_) (void)run_command({"userdel", spec_.user}, std::chrono::seconds(30));
    if (made_group_) {
        const std::string group = spec_.group.empty() ? spec_.user : spec_.group;
        // userdel may have taken the group along.
        if (group_id(group)) (void)run_command({"groupdel", group}, std::chrono::seconds(30));
    }
}

Result<> NodeExecutor::commit(const Step& step) {
    NodeControl control(spec_, state_, leave);
    switch (step.kind) {
        case StepKind::make_user:
            return ok();  // needed for staging already
        case StepKind::make_directory:
            return commit_directory(step.target);
        case StepKind::install_release:
            return commit_release();
        case StepKind::write_file:
            ZK_CHECK(keep_theirs(step.target));
            return rename_durably(step.target + kAside, step.target);
        case StepKind::install_agent:
            return rename_durably(step.target + kAside, step.target);
        case StepKind::switch_release:
            return switch_release();
        case StepKind::write_marker:
            return write_marker();
        case StepKind::remove_marker:
            return remove_durably(step.target);
        case StepKind::record_identity:
            return record_identity();
        case StepKind::own_data:
            return own_data();
        case StepKind::stop_outside:
            if (!facts_.outside) return ok();
            ends_outside_ = facts_.outside->held_by.has_value();
            return control.end_outside(*facts_.outside);
        case StepKind::load_image:
            return ok();
        case StepKind::make_network:
            return make_container_network(*spec_.container);
        case StepKind::make_container:
            return make_node_container(spec_);
        case StepKind::reload_systemd:
            return reload_systemd();
        case StepKind::enable_unit:
            return enable_unit(step.target);
        case StepKind::start_agent:
            return control.start_agent();
        case StepKind::restart_agent:
            return control.restart_agent();
        case StepKind::start_server:
            return control.start_server();
        case StepKind::restart_server:
            return control.restart_server();
        case StepKind::record_applied:
            return record_applied();
        case StepKind::stop_server:
            return control.stop();
        case StepKind::copy_data:
            return ok();  // it has words to tell: run()
    }
    return ok();
}

Result<> NodeExecutor::commit_directory(const std::string& path) {
    const auto* directory = find_directory(spec_, path);
    ZK_TRY(const Owner owner, resolve_owner(directory->owner));
    return set_directory(path, directory->mode, owner.uid, owner.gid);
}

Result<> NodeExecutor::commit_release() {
    const std::string staged = spec_.release_dir() + kAside;
    // The same version with another content: a build of the same day. The old one stays beside.
    if (exists(spec_.release_dir())) {
        ZK_CHECK(rename_durably(spec_.release_dir(),
                                spec_.release_dir() + ".old-" + to_string(clocks::wall_now())));
    }
    ZK_CHECK(sync_directory(staged + "/bin"));
    ZK_CHECK(sync_directory(staged));
    return rename_durably(staged, spec_.release_dir());
}

Result<> NodeExecutor::switch_release() {
    const std::string current = spec_.install_dir + "/current";
    const std::string aside = current + kAside;
    ::unlink(aside.c_str());
    if (::symlink(("releases/" + spec_.release.version).c_str(), aside.c_str()) != 0) {
        return system_error("make the link " + aside);
    }
    return rename_durably(aside, current);
}

Result<> NodeExecutor::write_marker() {
    const auto* directory = find_directory(spec_, spec_.log_dir);
    ZK_TRY(const FileOptions options,
           options_of(directory == nullptr ? std::string() : directory->owner, 0640));
    return replace_file(spec_.log_dir + "/initialize", ByteView(), options);
}

/// The unit of a server that is taken over may have the name of ours, and its zoo.cfg its place; they are the way back.
Result<> NodeExecutor::keep_theirs(const std::string& path) {
    const auto* file = find_file(spec_, path);
    const bool unit_or_conf = file->kind == agent_api::FileKind::unit || path == spec_.conf_path;
    const bool theirs =
        facts_.outside && unit_or_conf && spec_.waits_for_unit(path) && exists(path);
    const std::string kept = path + kBeforeZkprov;
    if (!theirs || exists(kept)) return ok();
    FileOptions options;
    options.mode = 0644;
    return copy_file(path, kept, options);
}

Result<> NodeExecutor::own_data() {
    ZK_TRY(const Owner owner, resolve_owner(spec_.user + ":" + spec_.group));
    if (!owner.uid || !owner.gid) return Error(Errc::not_found, "no user " + spec_.user);
    return give_data_to(spec_.data_dir, spec_.log_dir, *owner.uid, *owner.gid);
}

Result<> NodeExecutor::record_identity() {
    agent_api::RecordedIdentity identity;
    ZK_TRY(const auto before, state_.load_identity());
    const bool same = before && before->cluster == spec_.cluster && before->sid == spec_.sid &&
                      before->generation == spec_.generation;
    if (same) identity = *before;
    identity.cluster = spec_.cluster;
    identity.sid = spec_.sid;
    identity.generation = spec_.generation;
    identity.data_dir = spec_.data_dir;
    identity.stored = facts_.data.state == agent_api::DataState::data ||
                      (same && before->stored && before->incarnation == spec_.incarnation);
    identity.incarnation = spec_.incarnation;
    // Set before the server starts: from then on this disk may hold the only copy of something.
    identity.formed = identity.formed || spec_.formation == agent_api::Formation::form ||
                      facts_.data.state == agent_api::DataState::data;
    identity.recorded_at = clocks::wall_now();
    return state_.save_identity(identity);
}

Result<> NodeExecutor::record_applied() {
    ZK_TRY(auto identity, state_.load_identity());
    if (!identity) return Error(Errc::not_found, "this host's record is missing");
    identity->spec_hash = agent_api::hash_of(spec_);
    ZK_CHECK(state_.save_identity(*identity));
    // What the others are told of this node names it; later somebody may ask while the node is being changed.
    ZK_TRY(const auto known, state_.load_formation());
    if (known) return ok();
    const auto begun = state_.begin_formation(machine_of(spec_));
    return begun.has_value() ? ok() : Result<>(begun.error());
}

std::int64_t NodeExecutor::pid_to_replace(const Step& step) const {
    const NodeControl control(spec_, state_);
    if (step.kind == StepKind::restart_server) return control.server_pid();
    if (step.kind == StepKind::restart_agent) return control.agent_pid();
    return 0;
}

void NodeExecutor::tell(const Step& step, StepState state, const std::string& more) {
    agent_api::Event event;
    event.step = to_string(step.kind);
    event.state = state;
    event.words = more.empty() ? step.words() : step.words() + ": " + more;
    events_(event);
}

}  // namespace zk::agent_host

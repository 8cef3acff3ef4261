// zkprov ui: a node's page in a browser here, over the link to its agent. No agent has to listen for it, and sshd need not
// allow forwarding. The page's own files are those of this program; of the host comes only what they show.
#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent_api/agent_errc.h"
#include "agent_page/page.h"
#include "http/http_listener.h"
#include "phases/control.h"
#include "phases/runner.h"
#include "threads/mutex.h"

namespace zk::phases {
namespace {

constexpr milliseconds kFirstWord{10000};
constexpr milliseconds kPageLimit{6000};
constexpr milliseconds kLookForEnd{100};
constexpr milliseconds kLookForNode{10};
/// For so long a node is waited for though one behind it answers.
constexpr milliseconds kPreferred{2000};
/// A host that has just failed is not dialled at each look of a browser.
constexpr milliseconds kRedialPause{2000};

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

http::Response words_only(unsigned status, const std::string& words) {
    http::Response response;
    response.status = status;
    response.content_type = kText;
    response.body = words + "\n";
    return response;
}

/// Dials some nodes, each on a thread of its own; the first of them that answers is taken. One that is dead keeps the others
/// waiting for kPreferred only.
class Dial {
  public:
    Dial(const std::vector<const inventory::Node*>& nodes, const RunSettings& settings)
        : until_(deadline_in(kPreferred)) {
        for (const inventory::Node* const node : nodes) tries_.emplace_back().host.node = node;
        for (Try& each : tries_) {
            each.thread = std::thread([this, &each, &settings] {
                std::vector<Host> one(1);
                one.front().node = each.host.node;
                connect_all(one, settings, kFirstWord);
                const threads::Lock lock(mutex_);
                each.host = std::move(one.front());
                each.over = true;
            });
        }
    }
    Dial(const Dial&) = delete;
    Dial& operator=(const Dial&) = delete;
    ~Dial() {
        for (Try& each : tries_) {
            each.thread.join();
            if (each.host.talk) each.host.talk->close();
        }
    }

    /// The node that is taken, once; nothing: it is not known yet, or nobody answers.
    std::optional<Host> take() ZK_EXCLUDES(mutex_) {
        const threads::Lock lock(mutex_);
        for (Try& each : tries_) {
            if (!each.over && LinkDeadline::clock::now() < until_) return std::nullopt;
            if (!each.over || !each.host.connected()) continue;
            Host taken = each.host;
            each.host.talk.reset();
            return taken;
        }
        return std::nullopt;
    }
    [[nodiscard]] bool is_over() const ZK_EXCLUDES(mutex_) {
        const threads::Lock lock(mutex_);
        return std::ranges::all_of(tries_, &Try::over);
    }
    [[nodiscard]] std::vector<std::string> failures() const ZK_EXCLUDES(mutex_) {
        const threads::Lock lock(mutex_);
        std::vector<std::string> failures;
        for (const Try& each : tries_) {
            if (!each.over || !each.host.failure) continue;
            failures.push_back(name_of(*each.host.node) + ": " + reason_of(each.host));
        }
        return failures;
    }

  private:
    struct Try {
        Host host;
        bool over = false;
        std::thread thread;
    };
    const LinkDeadline until_;
    mutable threads::Mutex mutex_;
    std::list<Try> tries_;  ///< all but their threads guarded by the mutex
};

/// The node whose page is shown: the wanted one, or the first that answers, for as long as it does.
class PageSource {
  public:
    PageSource(const inventory::Inventory& inventory,
               const RunSettings& settings,
               std::optional<ServerId> wanted)
        : settings_(settings) {
        for (const inventory::Node& node : inventory.nodes) {
            if (!wanted || node.id == *wanted) nodes_.push_back(&node);
        }
    }
    PageSource(const PageSource&) = delete;
    PageSource& operator=(const PageSource&) = delete;
    ~PageSource() { hang_up(); }

    /// True when a node answers; false: none does, or none yet: is_dialling().
    bool dial() {
        if (talk_) {
            if (dial_ && dial_->is_over()) dial_.reset();
            return true;
        }
        if (!dial_) {
            if (LinkDeadline::clock::now() < redial_at_) return false;
            dial_ = std::make_unique<Dial>(nodes_, settings_);
        }
        if (auto host = dial_->take()) {
            talk_ = std::move(host->talk);
            name_ = name_of(*host->node);
        }
        // Those that are still dialled may go on for a while: they are given up when they are over.
        if (!dial_->is_over()) return talk_ != nullptr;
        failures_ = dial_->failures();
        dial_.reset();
        redial_at_ = deadline_in(kRedialPause);
        return talk_ != nullptr;
    }
    [[nodiscard]] bool is_dialling() const { return dial_ != nullptr; }
    http::Response page(const http::Request& request) {
        if (!dial()) return words_only(502, why_not());
        auto page = talk_->page(request.target, settings_.deadline_for(kPageLimit));
        if (page) {
            http::Response response;
            response.status = static_cast<unsigned>(page->status);
            // A host's word: data, whatever it calls it.
            response.content_type = page->content_type == kJson ? kJson : kText;
            response.body = std::move(page->body);
            return response;
        }
        const std::string words = name_ + ": " + page.error().message();
        if (!agent_api::agent_errc(page.error())) hang_up();
        return words_only(502, words);
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }

  private:
    void hang_up() {
        if (talk_) talk_->close();
        talk_.reset();
        // Others that have answered meanwhile come next; who was dead when it was dialled may be back.
    }
    [[nodiscard]] std::string why_not() const {
        if (dial_) return "looking for a node that answers";
        std::string words = "no node answers";
        for (const std::string& failure : failures_) words += "\n" + failure;
        return words;
    }

    const RunSettings& settings_;
    std::vector<const inventory::Node*> nodes_;
    std::shared_ptr<Conversation> talk_;
    std::unique_ptr<Dial> dial_;  ///< till all of them have answered or failed
    std::string name_;
    std::vector<std::string> failures_;
    LinkDeadline redial_at_;
};

}  // namespace

ExitCode run_ui(const inventory::Inventory& inventory,
                const RunSettings& settings,
                Console& console,
                const UiRequest& request) {
    PageSource source(inventory, settings, request.node);
    while (!source.dial() && source.is_dialling() && !settings.is_interrupted()) {
        std::this_thread::sleep_for(kLookForNode);
    }
    if (!source.dial()) {
        report_stop(console, "ui", {ExitCode::unreachable, source.failures()});
        return ExitCode::unreachable;
    }
    boost::asio::io_context loop(1);
    http::Settings here;
    here.address = "127.0.0.1";
    here.port = request.port;
    auto answer = [&source](const http::Request& asked) {
        const std::string_view target = asked.target;
        const auto* const file = agent_page::find_file(target.substr(0, target.find('?')));
        if (file == nullptr) return source.page(asked);
        http::Response response;
        response.content_type = file->type;
        response.body = file->content;
        return response;
    };
    http::HttpListener listener(loop.get_executor(), here, std::move(answer), Log());
    if (const auto started = listener.start(); !started) {
        report_stop(console, "ui", {ExitCode::invalid, {started.error().message()}});
        return ExitCode::invalid;
    }
    const std::string url = "http://127.0.0.1:" + std::to_string(listener.port()) + "/";
    console.say("the page of " + source.name() + ", for this machine only; Ctrl-C ends it");
    console.data(console.json() ? R"({"schema":"zkprov.ui/1","url":")" + url + "\"}\n"
                                : url + "\n");
    const LinkDeadline end = settings.deadline.value_or(LinkDeadline::max());
    while (!settings.is_interrupted() && LinkDeadline::clock::now() < end) {
        loop.run_for(kLookForEnd);
    }
    listener.stop();
    return ExitCode::done;
}

}  // namespace zk::phases

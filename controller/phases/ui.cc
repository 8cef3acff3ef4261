// zkprov ui: a node's page in a browser here, over the link to its agent. No agent has to listen for it, and sshd need not
// allow forwarding. The page's own files are those of this program; of the host comes only what they show.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent_api/agent_errc.h"
#include "agent_http/http_listener.h"
#include "agent_page/page.h"
#include "phases/control.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

constexpr milliseconds kFirstWord{10000};
constexpr milliseconds kPageLimit{6000};
constexpr milliseconds kLookForEnd{100};
/// A host that has just failed is not dialled at each look of a browser.
constexpr milliseconds kRedialPause{2000};

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

agent_http::Response words_only(unsigned status, const std::string& words) {
    agent_http::Response response;
    response.status = status;
    response.content_type = kText;
    response.body = words + "\n";
    return response;
}

/// The node whose page is shown: the wanted one, or the first that answers, for as long as it does.
class PageSource {
  public:
    PageSource(const inventory::Inventory& inventory,
               const RunSettings& settings,
               std::optional<ServerId> wanted)
        : settings_(settings) {
        for (Host& host : make_hosts(inventory)) {
            if (!wanted || host.node->id == *wanted) hosts_.push_back(std::move(host));
        }
    }
    PageSource(const PageSource&) = delete;
    PageSource& operator=(const PageSource&) = delete;
    ~PageSource() { hang_up(); }

    /// True when a node answers.
    bool dial() {
        if (talk_ || LinkDeadline::clock::now() < redial_at_) return talk_ != nullptr;
        failures_.clear();
        for (const Host& host : hosts_) {
            if (settings_.is_interrupted()) return false;
            std::vector<Host> one(1);
            one.front().node = host.node;
            connect_all(one, settings_, kFirstWord);
            if (one.front().connected()) {
                talk_ = one.front().talk;
                name_ = name_of(*host.node);
                return true;
            }
            failures_.push_back(name_of(*host.node) + ": " + reason_of(one.front()));
        }
        redial_at_ = deadline_in(kRedialPause);
        return false;
    }
    agent_http::Response page(const agent_http::Request& request) {
        if (!dial()) return words_only(502, why_not());
        auto page = talk_->page(request.target, settings_.deadline_for(kPageLimit));
        if (page) {
            agent_http::Response response;
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
    }
    [[nodiscard]] std::string why_not() const {
        std::string words = "no node answers";
        for (const std::string& failure : failures_) words += "\n" + failure;
        return words;
    }

    const RunSettings& settings_;
    std::vector<Host> hosts_;
    std::shared_ptr<Conversation> talk_;
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
    if (!source.dial()) {
        report_stop(console, "ui", {ExitCode::unreachable, source.failures()});
        return ExitCode::unreachable;
    }
    boost::asio::io_context loop(1);
    agent_http::Settings here;
    here.address = "127.0.0.1";
    here.port = request.port;
    auto answer = [&source](const agent_http::Request& asked) {
        const std::string_view target = asked.target;
        const auto* const file = agent_page::find_file(target.substr(0, target.find('?')));
        if (file == nullptr) return source.page(asked);
        agent_http::Response response;
        response.content_type = file->type;
        response.body = file->content;
        return response;
    };
    agent_http::HttpListener listener(loop.get_executor(), here, std::move(answer), Log());
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

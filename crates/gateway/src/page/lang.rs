//! The page's words. A language is one file in `lang/` and one line in [`LANGUAGES`].

mod en;
mod ko;

/// Languages of the page; the first is for everyone whose own is missing.
pub static LANGUAGES: [&Texts; 2] = [&en::TEXTS, &ko::TEXTS];

macro_rules! texts {
    (page: $($name:ident)*; script: $($for_script:ident)*;) => {
        /// Every text of the page in one language. `{name}`s are filled in.
        #[derive(Debug)]
        pub struct Texts {
            /// BCP 47 tag.
            pub lang: &'static str,
            /// `ltr` or `rtl`.
            pub dir: &'static str,
            /// Between thousands.
            pub group: &'static str,
            /// `{weekday}`, `{day}`, `{month}`.
            pub date: &'static str,
            /// From Monday.
            pub weekdays: [&'static str; 7],
            pub months: [&'static str; 12],
            /// Sentences for problem codes; without one, the problem's English one is shown.
            pub problems: &'static [(&'static str, &'static str)],
            $(pub $name: &'static str,)*
            $(pub $for_script: &'static str,)*
        }

        impl Texts {
            /// The text of that name.
            pub(super) fn get(&self, name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    $(stringify!($for_script) => Some(self.$for_script),)*
                    _ => None,
                }
            }

            /// What the script needs, by name.
            pub(super) fn for_script(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
                [$((stringify!($for_script), self.$for_script)),*].into_iter()
            }
        }
    };
}

texts! {
    page:
        paused closing finding finding_more soon soon_more opens_at join join_more join_do in_line
        registered registered_more waiting waiting_more place progress ahead eta seats_left
        admitted admitted_more admitted_do inside inside_more pass pass_more pass_do
        holding holding_more holding_do holding_undo seats booked booked_more when number again_do
        closed closed_more sold_out zone cancel cancel_more cancel_do leave leave_more leave_do
        no_script check trouble trouble_do;
    script:
        link_connecting link_live link_reconnecting link_polling link_offline
        title_waiting title_turn title_holding
        left few gone yours your_time choose change look hold_do swap_do
        under_minute minutes hours days unknown
        ended_left ended_left_more ended_expired ended_expired_more ended_cancelled
        ended_cancelled_more
        say_place say_eta say_turn say_hold_soon say_window_soon say_hold_over say_held say_booked
        say_slot_gone say_paused say_resumed say_sold_out say_seats_back
        lost_answer;
}

impl Texts {
    /// This language's sentence for a problem code.
    pub(super) fn problem(&self, code: &str) -> Option<&'static str> {
        self.problems.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
    }

    /// `1,234`.
    pub(super) fn number(&self, number: u32) -> String {
        let digits = number.to_string();
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push_str(self.group);
            }
            out.push(digit);
        }
        out
    }
}

/// The language that an `Accept-Language` header likes best.
pub fn choose(accept_language: Option<&str>) -> &'static Texts {
    let mut best = (LANGUAGES[0], 0.0);
    for range in accept_language.unwrap_or_default().split(',') {
        let (tag, params) = range.split_once(';').unwrap_or((range, ""));
        let weight = params.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if let Some(found) = language(tag.trim())
            && weight > best.1
        {
            best = (found, weight);
        }
    }
    best.0
}

fn language(tag: &str) -> Option<&'static Texts> {
    let primary = tag.split('-').next()?;
    LANGUAGES.into_iter().find(|texts| texts.lang.eq_ignore_ascii_case(primary))
}

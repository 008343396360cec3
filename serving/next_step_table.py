"""The shipped table of next steps: under each concept, indented, the suggestion to it.

How suggestions are worded is told in `serving.next_steps`, which reads this table.
"""

from __future__ import annotations

TABLE = """
# visits and stays
emergency visits
    Consider asking what happened before each visit and who to call first next time.
hospital discharges
    Consider reviewing the discharge plan together and booking a visit within 7 days.
emergency hospital stays
    Consider agreeing on early warning signs and on whom to call about them.
office visits
    Consider checking who the regular doctor is and when the next visit is booked.
home health episodes
    Consider asking how things go at home and whether home health is still in place.
telehealth visits
    Consider asking whether telephone or video visits suit, and offering one.
missed appointments
    Consider asking what got in the way, and rebooking within 7 days with a reminder.
where the last stay ended
    Consider confirming that services, equipment and carer are in place there.
office visits since the last discharge
    Consider booking a follow-up visit within 7 days.
emergency visits since the last discharge
    Consider calling today about symptoms, and an early visit.
home health episodes since the last discharge
    Consider checking that the first home health visit took place.
missed appointments since the last discharge
    Consider rebooking the missed follow-up within 7 days.
follow-up after the last discharge
    Consider booking a follow-up visit within 7 days.

# conditions
diabetes mellitus without complication
    Consider going over glucose readings, supplies and the next HbA1c.
diabetes mellitus with complications
    Consider asking about low blood sugar, feet and eyes, and checking the care plan.
diabetes
    Consider going over glucose readings, supplies and the next HbA1c.
essential hypertension
    Consider asking for home blood pressure readings and how tablets are taken.
hypertension with complications and secondary hypertension
    Consider asking for home blood pressure readings and the next kidney check.
coronary atherosclerosis and other heart disease
    Consider asking about chest pain, tablets and cardiac rehabilitation.
ischaemic heart disease
    Consider asking about chest pain, tablets and cardiac rehabilitation.
cardiac dysrhythmias
    Consider asking about palpitations, falls and anticoagulant checks.
congestive heart failure, nonhypertensive
    Consider asking for daily weights, swelling and breath, and a visit within 7 days.
heart failure
    Consider asking for daily weights, swelling and breath, and a visit within 7 days.
chronic obstructive pulmonary disease and bronchiectasis
    Consider checking inhaler technique, the action plan and pulmonary rehabilitation.
chronic obstructive lung disease
    Consider checking inhaler technique, the action plan and pulmonary rehabilitation.
asthma
    Consider checking inhaler technique, triggers and the written action plan.
chronic kidney disease
    Consider checking the next kidney tests and over-the-counter painkillers.
delirium dementia and amnestic and other cognitive disorders
    Consider speaking with the carer too: safety at home, tablets, respite.
Alzheimer's disease or another dementia
    Consider speaking with the carer too: safety at home, tablets, respite.
anxiety disorders
    Consider asking how the patient copes, and offering behavioural health contact.
mood disorders
    Consider a mood screen by local protocol and offering behavioural health contact.
depression
    Consider a mood screen by local protocol and offering behavioural health contact.
schizophrenia and other psychotic disorders
    Consider contacting the behavioural health team about the next visit and injection.
alcohol-related disorders
    Consider asking, without judgement, about support wanted, and offering a referral.
substance-related disorders
    Consider asking, without judgement, about support wanted, and offering a referral.

# drugs
prescriptions filled
    Consider going through all medicines together, bottle by bottle.
prescriptions filled since the last discharge
    Consider comparing the discharge list with what is at home, within 48 hours.
drug classes
    Consider asking a pharmacist for a medication review.
high-risk drug classes
    Consider asking a pharmacist for a review of the high-risk medicines.
drug classes started since the last discharge
    Consider checking that new medicines were understood, filled and are tolerated.
classes of long-term drugs run out and not filled again since the last discharge
    Consider asking which long-term medicines were ended on purpose and which ran out.
fills of anticoagulants or antiplatelets
    Consider asking about bleeding, missed doses and the next check.
fills of insulin
    Consider asking about low blood sugar, supplies and how insulin is given.
fills of glucose-lowering drugs
    Consider asking about low blood sugar, sick days and refills.
fills of opioids
    Consider asking about pain, drowsiness and bowels, and a prescriber review.
fills of diuretics
    Consider asking for daily weights and dizziness, and checking the next blood test.
fills of drugs for heart failure or rhythm
    Consider asking about dizziness and pulse, and checking refills.
fills of nitrates
    Consider asking how often chest pain needs a nitrate, and telling the prescriber.
fills of beta blockers
    Consider asking about dizziness and pulse, and checking refills.
fills of ACE inhibitors or related drugs
    Consider asking about dizziness, and checking refills and the next blood test.
fills of lipid-lowering drugs
    Consider asking about muscle pain and checking refills.
fills of inhaled drugs for the airways
    Consider checking inhaler technique and how often the reliever is used.
fills of corticosteroids
    Consider asking about the planned course, glucose and signs of infection.
fills of antibiotics
    Consider asking whether the course is finished and symptoms are gone.
fills of anticonvulsants
    Consider asking about seizures, falls and drowsiness, and checking refills.
fills of drugs for dementia
    Consider asking the carer how medicines are managed at home.
fills of drugs against cancer
    Consider asking about side effects and whom to call in the oncology team.
fills of anti-inflammatory drugs
    Consider asking about painkillers bought without prescription, and a prescriber review.
fills of antipsychotics
    Consider asking about drowsiness and falls, and a prescriber review.
fills of antidepressants
    Consider asking about mood, side effects and refills.
fills of sedatives
    Consider asking about falls and daytime drowsiness, and a prescriber review.
fills of drugs against dependence
    Consider asking, without judgement, whether treatment and refills are in place.

# laboratory
haemoglobin
    Consider asking about bleeding and fatigue, and whether a repeat test is ordered.
sodium
    Consider asking about confusion and fluids, and whether a repeat test is ordered.
creatinine
    Consider asking about fluids and painkillers, and whether a repeat test is ordered.
HbA1c
    Consider going over glucose readings, and diabetes education if wanted.
BNP
    Consider asking for daily weights, swelling and breath.
NT-proBNP
    Consider asking for daily weights, swelling and breath.
albumin
    Consider asking about appetite and weight, and a dietitian.
potassium
    Consider checking that the prescriber saw the result and whether a repeat is ordered.
urea nitrogen
    Consider asking about fluids, and whether a repeat test is ordered.
eGFR
    Consider checking the next kidney test, and a prescriber review of doses.
glucose
    Consider going over glucose readings, meals and supplies.
white cell count
    Consider asking about fever and signs of infection.
platelet count
    Consider asking about bleeding and bruising, and whether a repeat test is ordered.
troponin I
    Consider asking about chest pain, and checking that cardiology follow-up is booked.
INR
    Consider checking the date of the next INR and asking about bleeding.
LDL cholesterol
    Consider asking how the cholesterol medicine is taken, and about diet.

# social needs
social need: education or literacy
    Consider plain-language material, teach-back, and an interpreter if wanted.
social need: employment or income
    Consider a social work referral about benefits and help with costs.
social need: housing
    Consider a social work referral about housing, and a safe place to recover.
social need: food or safe drinking water
    Consider a referral to meal delivery or a food programme.
social need: transport
    Consider arranging transport to the next visit, or a telephone visit.
social need: living alone or without support
    Consider asking who helps at home, and regular check-in calls.
social need: strain in the family
    Consider asking how the carer is doing, and offering respite or support.
social need: violence or abuse
    Consider asking in private about safety, by local protocol.
social need: other social need
    Consider asking what is needed most, and a social work referral.
records of a social need
    Consider asking what is needed most, and a social work referral.
answers about social needs
    Consider going over the answers together, and a social work referral.
"""
